// @ts-check
/** Which calls are listed. Every filter stands in the address, under the name that REST and the command line use. */
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { params, setParams } from "../lib/router.js";
import { useSignal } from "../vendor/signals.js";

export const FILTERS = ["status", "provider", "model", "role", "tag", "session_id", "key_id", "since", "until"];
const STATES = ["ok", "error", "cancelled", "unknown"];
const ROLES = ["answer", "critique", "advocate", "defence", "judge", "synthesizer", "generate"];
const PAUSE = 300; // milliseconds without a change before a typed filter holds

export function CallFilters() {
  const providers = useLoad("api/providers").data?.providers ?? [];
  const names = providers.filter((/** @type {any} */ one) => one.status !== "unconfigured").map((/** @type {any} */ one) => one.name);
  const chosen = FILTERS.filter((name) => params.value.get(name));
  const rare = ["session_id", "key_id", "since", "until"];
  return html`
    <form class="call-filters" aria-label="Filters" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Choose} name="status" label="State" options=${STATES} />
      <${Choose} name="provider" label="Provider" options=${names} />
      <${Type} name="model" label="Model" />
      <${Choose} name="role" label="For" options=${ROLES} />
      <${Type} name="tag" label="Tag" />
      <details class="filters-more" open=${rare.some((name) => params.value.get(name))}>
        <summary>More</summary>
        <div class="filters-row">
          <${Type} name="session_id" label="Session" />
          <${Type} name="key_id" label="Key" />
          <${Type} name="since" label="From" kind="date" />
          <${Type} name="until" label="Until" kind="date" />
        </div>
      </details>
      ${chosen.length > 0 && html`<button type="button" class="plain" onClick=${() => setParams(Object.fromEntries(chosen.map((name) => [name, null])))}>Clear</button>`}
    </form>
  `;
}

/** @param {{name: string, label: string, options: string[]}} props */
function Choose({ name, label, options }) {
  const value = params.value.get(name) ?? "";
  const all = value && !options.includes(value) ? [...options, value] : options;
  return html`
    <label class="call-filter">
      <span>${label}</span>
      <select value=${value} onChange=${(/** @type {any} */ event) => setParams({ [name]: event.currentTarget.value, call: null })}>
        <option value="">all</option>
        ${all.map((one) => html`<option value=${one}>${one}</option>`)}
      </select>
    </label>
  `;
}

/** @param {{name: string, label: string, kind?: string}} props */
function Type({ name, label, kind = "text" }) {
  const timer = useSignal(0);
  /** @param {any} event */
  const typed = (event) => {
    const text = event.currentTarget.value.trim();
    clearTimeout(timer.value);
    timer.value = setTimeout(() => setParams({ [name]: text, call: null }), kind === "date" ? 0 : PAUSE);
  };
  return html`
    <label class="call-filter">
      <span>${label}</span>
      <input type=${kind} value=${params.value.get(name) ?? ""} autocomplete="off" spellcheck=${false} onInput=${typed} />
    </label>
  `;
}
