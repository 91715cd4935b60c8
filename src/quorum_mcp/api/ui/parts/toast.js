// @ts-check
/** A short word at the edge of the page that something is done; it goes by itself and is said aloud. */
import { announce } from "../lib/announce.js";
import { html } from "../lib/html.js";
import { signal } from "../vendor/signals.js";
import { Icon } from "./icon.js";

const STAYS = 5000; // milliseconds
const toasts = signal(/** @type {{id: number, text: string, kind: string}[]} */ ([]));
let last = 0;

/** @param {string} text one short sentence @param {"done"|"warning"} [kind] */
export function toast(text, kind = "done") {
  const id = ++last;
  toasts.value = [...toasts.value, { id, text, kind }];
  announce(text);
  setTimeout(() => {
    toasts.value = toasts.value.filter((one) => one.id !== id);
  }, STAYS);
}

export function Toasts() {
  return html`
    <div class="toasts">
      ${toasts.value.map(({ id, text, kind }) => html`
        <p key=${id} class=${`toast toast-${kind}`}><${Icon} name=${kind === "done" ? "check" : "warning"} /><span>${text}</span></p>
      `)}
    </div>
  `;
}
