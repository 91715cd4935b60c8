// @ts-check
/** The operations to choose from, found by words. */
import { html } from "../lib/html.js";
import { href } from "../lib/router.js";
import { useSignal } from "../vendor/signals.js";

/** @typedef {import("../pages/playground.js").Card} Card */

/** @param {{cards: Card[], chosen: string|null}} props */
export function OperationList({ cards, chosen }) {
  const words = useSignal("");
  const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = cards.filter((card) => {
    const text = `${card.name} ${card.summary} ${card.tool ?? ""}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  return html`
    <nav class="operations" aria-label="Operations">
      <label class="unseen" for="find-operation">Find an operation</label>
      <input id="find-operation" type="text" placeholder="Find an operation" autocomplete="off" spellcheck=${false} value=${words.value} onInput=${(/** @type {any} */ event) => {
        words.value = event.currentTarget.value;
      }} />
      <ul tabindex="0" aria-label="Found operations">
        ${shown.map((card) => html`
          <li key=${card.name}>
            <a href=${href("/playground", { op: card.name })} aria-current=${card.name === chosen ? "page" : undefined}>
              <code>${card.name}</code><span>${card.summary}</span>
            </a>
          </li>
        `)}
      </ul>
      ${shown.length === 0 && html`<p class="quiet">No operation has these words.</p>`}
    </nav>
  `;
}
