// @ts-check
/** What seats that do not stand behind the answer said, word for word. */
import { html } from "../lib/html.js";

const SHORT = 600; // characters that are shown at once

/** @param {{dissent: {member: string, text: string}[]}} props */
export function Dissent({ dissent }) {
  if (!dissent?.length) return null;
  return html`
    <section class="answer-part">
      <h2>Dissent</h2>
      ${dissent.map(
        ({ member, text }) => html`
          <figure class="dissent">
            <figcaption><bdi>${member}</bdi>, word for word</figcaption>
            <${Words} text=${text} />
          </figure>
        `,
      )}
    </section>
  `;
}

/** @param {{text: string}} props */
function Words({ text }) {
  if (text.length <= SHORT) return html`<blockquote class="stream" dir="auto">${text}</blockquote>`;
  return html`
    <details class="dissent-long">
      <summary><span class="stream" dir="auto">${text.slice(0, SHORT)}</span> … <span class="more">all of it</span></summary>
      <blockquote class="stream" dir="auto">${text}</blockquote>
    </details>
  `;
}
