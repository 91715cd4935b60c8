// @ts-check
/** What the devil's advocate brought forward, and what became of it. */
import { html } from "../lib/html.js";

/** @typedef {{text: string, stands: boolean, conceded_by: string[], rejected_by: string[]}} Objection */

/** @param {{attack: {advocate: string, objections: Objection[], survived: boolean}|null}} props */
export function Attack({ attack }) {
  if (!attack) return null;
  return html`
    <section class="answer-part">
      <h2>${attack.survived ? "The answer survived the attack" : "The attack found something"}</h2>
      <p class="quiet"><bdi>${attack.advocate}</bdi> attacked${attack.objections.length ? "" : " and found nothing to object to"}.</p>
      <ul class="objections">
        ${attack.objections.map(
          (objection) => html`
            <li>
              <span class=${`tag ${objection.stands ? "tag-stands" : "tag-rejected"}`}>${objection.stands ? "stands" : "rejected"}</span>
              <div>
                <p dir="auto">${objection.text}</p>
                <p class="quiet">${votes(objection)}</p>
              </div>
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

/** @param {Objection} objection */
function votes({ conceded_by: conceded, rejected_by: rejected }) {
  return [conceded.length && `conceded by ${conceded.join(", ")}`, rejected.length && `rejected by ${rejected.join(", ")}`]
    .filter(Boolean)
    .join("; ");
}
