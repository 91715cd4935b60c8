// @ts-check
/** A link in a model's text leads nowhere until its reader has seen the whole address and agreed. */
import { html } from "../lib/html.js";
import { signal } from "../vendor/signals.js";

const ID = "leave";
const address = signal("");

/** @param {string} url */
export function askToLeave(url) {
  address.value = url;
  const dialog = document.getElementById(ID);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}

export function LeaveDialog() {
  const leave = () => open(address.value, "_blank", "noopener,noreferrer");
  return html`
    <dialog id=${ID} aria-labelledby="leave-title">
      <h2 id="leave-title">Open this address?</h2>
      <p>A model wrote the link. It leads to:</p>
      <p class="address" tabindex="0"><bdi>${address.value}</bdi></p>
      <form method="dialog" class="buttons">
        <button>Stay here</button>
        <button class="primary" onClick=${leave}>Open in a new tab</button>
      </form>
    </dialog>
  `;
}
