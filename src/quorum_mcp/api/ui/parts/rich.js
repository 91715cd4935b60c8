// @ts-check
/** A finished text: its Markdown, parsed once. Very long ones are shown as they are, and at first in part. */
import { html } from "../lib/html.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const MARKDOWN = 60_000; // characters; parsing and drawing more than that would stop the page
const SHOWN = 8_000;

/** @param {{text: string}} props */
export function Rich({ text }) {
  return text.length > MARKDOWN ? html`<${Long} text=${text} />` : html`<${Parsed} text=${text} />`;
}

/** @param {{text: string}} props */
function Parsed({ text }) {
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  useLayoutEffect(() => {
    const box = place.current;
    if (!box) return;
    let gone = false;
    box.textContent = text; // as it is, until the parser is there
    box.classList.add("stream");
    import("../lib/markdown.js").then(({ render }) => {
      if (gone) return;
      box.replaceChildren(render(text));
      box.classList.remove("stream");
    });
    return () => {
      gone = true;
    };
  }, [text]);
  return html`<div class="rich" dir="auto" ref=${place}></div>`;
}

/** @param {{text: string}} props */
function Long({ text }) {
  const all = useSignal(false);
  return html`
    <div class="stream" dir="auto">${all.value ? text : text.slice(0, SHOWN)}</div>
    ${!all.value &&
    html`<button type="button" class="link" onClick=${() => {
      all.value = true;
    }}>Show all ${text.length.toLocaleString("en")} characters</button>`}
  `;
}
