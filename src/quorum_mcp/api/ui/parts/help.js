// @ts-check
/** The keys, in a dialog. */
import { html } from "../lib/html.js";
import { SHORTCUTS, onKey, setSingleKeys, singleKeys } from "../lib/shortcuts.js";
import { useEffect } from "../vendor/preact-hooks.js";

const ID = "help";

export function showHelp() {
  const dialog = document.getElementById(ID);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}

export function Help() {
  useEffect(() => onKey("?", showHelp), []);
  return html`
    <dialog id=${ID} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        ${SHORTCUTS.map(
          ({ keys, does }) => html`
            <div>
              <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt>
              <dd>${does}</dd>
            </div>
          `,
        )}
      </dl>
      <label class="check">
        <input type="checkbox" checked=${singleKeys.value}
          onChange=${(/** @type {any} */ event) => setSingleKeys(event.currentTarget.checked)} />
        Keys of one character are on
      </label>
      <form method="dialog"><button class="primary">Close</button></form>
    </dialog>
  `;
}
