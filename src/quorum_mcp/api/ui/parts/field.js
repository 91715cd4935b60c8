// @ts-check
/** A field of a form with its label, its help and its error, tied together for everyone. */
import { html } from "../lib/html.js";

/**
 * `value` is a signal; `options` makes it a choice, `rows` a text of several lines; the rest goes to the control.
 * @param {any} props `id`, `label`, `value`, and `help`, `error`, `options` [{value, label}], `rows`
 */
export function Field({ id, label, value, help, error, options, rows, ...rest }) {
  const told = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ");
  const given = { id, "aria-describedby": told || undefined, "aria-invalid": error ? "true" : undefined, ...rest };
  const input = (/** @type {any} */ event) => {
    value.value = event.currentTarget.value;
  };
  return html`
    <div class="field">
      <label for=${id}>${label}</label>
      ${options
        ? html`<select ...${given} value=${value.value} onChange=${input}>
            ${options.map((/** @type {{value: string, label: string}} */ one) => html`<option value=${one.value}>${one.label}</option>`)}
          </select>`
        : rows
          ? html`<textarea ...${given} rows=${rows} value=${value.value} onInput=${input}></textarea>`
          : html`<input type="text" autocomplete="off" ...${given} value=${value.value} onInput=${input} />`}
      ${help && html`<p id=${`${id}-help`} class="field-help">${help}</p>`}
      ${error && html`<p id=${`${id}-error`} class="field-error">${error}</p>`}
    </div>
  `;
}

/** @param {{label: any, value: import("../vendor/signals.js").Signal<boolean>}} props */
export function Check({ label, value, ...rest }) {
  return html`
    <label class="check">
      <input type="checkbox" checked=${value.value} ...${rest} onChange=${(/** @type {any} */ event) => {
        value.value = event.currentTarget.checked;
      }} />
      ${label}
    </label>
  `;
}
