// @ts-check
/** A question before something is lost. */
import { ApiError } from "../lib/api.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./error-box.js";

/** @param {{title: string, action: string, onClose: () => void, onConfirm: () => Promise<void>, children: any}} props `action` is the word on the button */
export function Confirm({ title, action, onClose, onConfirm, children }) {
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const busy = useSignal(false);
  const confirm = async () => {
    busy.value = true;
    try {
      await onConfirm();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error;
    } finally {
      busy.value = false;
    }
  };
  return html`
    <${Dialog} title=${title} onClose=${onClose}>
      <div class="form">
        <p>${children}</p>
        ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
        <div class="buttons">
          <button type="button" onClick=${onClose} autofocus>Keep it</button>
          <button type="button" class="danger" disabled=${busy.value} onClick=${confirm}>${action}</button>
        </div>
      </div>
    <//>
  `;
}
