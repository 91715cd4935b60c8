// @ts-check
/** One field of a form that was made of a schema. */
import { html } from "../lib/html.js";

const ROOMY = new Set(["long", "lines", "json"]);

/** @param {{field: import("../lib/schema.js").FormField, typed: import("../vendor/signals.js").Signal<Record<string, string|boolean>>, error?: string}} props */
export function SchemaField({ field, typed, error }) {
  const id = `field-${field.name}`;
  const told = [field.help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ");
  const given = { id, name: field.name, "aria-describedby": told || undefined, "aria-invalid": error ? "true" : undefined, "aria-required": field.required ? "true" : undefined };
  const value = typed.value[field.name] ?? field.first;
  const change = (/** @type {any} */ event) => {
    const now = field.kind === "flag" ? event.currentTarget.checked : event.currentTarget.value;
    typed.value = { ...typed.value, [field.name]: now };
  };
  const about = html`
    ${field.help && html`<p id=${`${id}-help`} class="field-help">${words(field.help)}</p>`}
    ${error && html`<p id=${`${id}-error`} class="field-error">${error}</p>`}
  `;
  if (field.kind === "flag") {
    return html`<div class="field"><label class="check" for=${id}><input type="checkbox" ...${given} checked=${value} onChange=${change} />${field.name}</label>${about}</div>`;
  }
  return html`
    <div class=${ROOMY.has(field.kind) ? "field field-roomy" : "field"}>
      <label for=${id}>${field.name}${field.required ? "" : html` <span class="quiet">optional</span>`}</label>
      ${control(field, given, value, change)}
      ${about}
    </div>
  `;
}

/** What stands between backticks is code. @param {string} text */
function words(text) {
  return text.split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));
}

/** @param {import("../lib/schema.js").FormField} field @param {any} given @param {any} value @param {(event: any) => void} change */
function control(field, given, value, change) {
  if (field.kind === "choice") {
    return html`<select ...${given} value=${value} onChange=${change}>
      <option value="">${field.required ? "choose one" : "as it is by default"}</option>
      ${field.options.map((one) => html`<option value=${one}>${one}</option>`)}
    </select>`;
  }
  if (field.kind === "lines") return html`<textarea ...${given} rows="2" placeholder="one on each line" value=${value} onInput=${change}></textarea>`;
  if (field.kind === "json") return html`<textarea ...${given} rows="3" class="mono" placeholder="JSON" spellcheck=${false} value=${value} onInput=${change}></textarea>`;
  if (field.kind === "long") return html`<textarea ...${given} rows="2" value=${value} onInput=${change}></textarea>`;
  return html`<input type="text" ...${given} inputmode=${field.kind === "number" ? "decimal" : undefined} autocomplete="off" value=${value} onInput=${change} />`;
}
