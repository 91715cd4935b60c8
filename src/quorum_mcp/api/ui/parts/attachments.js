// @ts-check
/** What goes along with the question: text as context, files, chosen or dropped, and leave to search the web. */
import { context } from "../lib/draft.js";
import { attach, detach, files } from "../lib/files.js";
import { bytes } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Growing } from "./growing.js";
import { Icon } from "./icon.js";
import { SearchToggle } from "./search-toggle.js";

export function Attachments() {
  const field = useRef(/** @type {HTMLInputElement|null} */ (null));
  const open = useSignal(context.value !== "");
  /** @param {any} event */
  const chosen = (event) => {
    attach([...event.currentTarget.files]);
    event.currentTarget.value = "";
  };
  return html`
    <div class="attachments">
      <div class="attach-row">
        <button type="button" class="plain labelled" aria-expanded=${open.value} aria-controls="context-part" onClick=${() => {
          open.value = !open.value;
        }}><${Icon} name="plus" size=${18} />Context</button>
        <button type="button" class="plain labelled" onClick=${() => field.current?.click()}><${Icon} name="file" size=${18} />Files</button>
        <${SearchToggle} />
        <input ref=${field} id="files" class="unseen" type="file" multiple tabindex="-1" aria-label="Files" onChange=${chosen} />
        ${files.value.length > 0 && html`<ul class="chips" aria-label="Files that go along">
          ${files.value.map((file, index) => html`<${Chip} key=${index} file=${file} index=${index} />`)}
        </ul>`}
      </div>
      <div id="context-part" hidden=${!open.value}>
        <label class="unseen" for="context">Context</label>
        <${Growing} id="context" value=${context} maxlength="100000" rows="4"
          placeholder="Text that every model reads with the question: notes, code, a document" />
      </div>
    </div>
  `;
}

/** @param {{file: import("../lib/files.js").Attached, index: number}} props */
function Chip({ file, index }) {
  const state = file.error ?? (file.id ? bytes(file.size) : "sending …");
  return html`
    <li class=${`chip ${file.error ? "chip-failed" : ""}`}>
      <bdi>${file.name}</bdi><span class="chip-note">${state}</span>
      <button type="button" class="chip-out" aria-label=${`Leave ${file.name} out`} onClick=${() => detach(index)}><${Icon} name="cross" size=${14} /></button>
    </li>
  `;
}
