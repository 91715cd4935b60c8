// @ts-check
/** A dialog that is open while it is drawn. Esc and Close call `onClose`; the focus goes back by itself. */
import { html } from "../lib/html.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { Icon } from "./icon.js";

let dialogs = 0;

/** @param {{title: string, onClose: () => void, wide?: boolean, children: any}} props */
export function Dialog({ title, onClose, wide = false, children }) {
  const place = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const id = useRef(`dialog-${++dialogs}`);
  useEffect(() => {
    const before = document.activeElement;
    place.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`
    <dialog ref=${place} class=${wide ? "dialog-wide" : ""} aria-labelledby=${id.current} onClose=${onClose}>
      <header class="dialog-head">
        <h2 id=${id.current}>${title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick=${() => place.current?.close()}><${Icon} name="cross" /></button>
      </header>
      ${children}
    </dialog>
  `;
}
