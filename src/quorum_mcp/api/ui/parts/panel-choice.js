// @ts-check
/** The models to choose from: each provider with its health or what it lacks, each model with its price. */
import { loadPrices, prices, providers } from "../lib/draft.js";
import { count, money } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Icon } from "./icon.js";

const SHOWN = 12; // models of a provider before its list asks to be filtered

/** @type {Record<string, string>} */
export const STATES = { healthy: "ready", degraded: "unsteady", unhealthy: "failing", unconfigured: "not set up" };

/** @typedef {import("../vendor/signals.js").Signal<string[]>} Names full model names, in the order of the panel */

/** @param {{value: Names, id?: string}} props */
export function PanelChoice({ value, id = "panel-filter" }) {
  useEffect(() => {
    if (!prices.value) loadPrices().catch(() => undefined); // names do without prices
  }, []);
  const filter = useSignal("");
  const wanted = filter.value.trim().toLowerCase();
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const typed = filter.value.trim();
    if (typed) toggle(value, typed);
    filter.value = "";
  };
  return html`
    <div class="panel-choice">
      <label for=${id}>Find a model, or type a name and press Enter</label>
      <input id=${id} type="text" autocomplete="off" spellcheck=${false} value=${filter.value}
        placeholder="provider/model" onKeyDown=${keys}
        onInput=${(/** @type {any} */ event) => {
          filter.value = event.currentTarget.value;
        }} />
      <${Typed} value=${value} />
      ${providers.value === null
        ? html`<p class="quiet">Loading the providers …</p>`
        : usable().map((one) => html`<${Group} key=${one.name} provider=${one} wanted=${wanted} value=${value} />`)}
      <${Missing} />
      ${value.value.length > 0 &&
      html`<button type="button" class="link" onClick=${() => {
        value.value = [];
      }}>Back to the default panel</button>`}
    </div>
  `;
}

/** Names that were typed and are in no provider's list. @param {{value: Names}} props */
function Typed({ value }) {
  const listed = new Set((providers.value ?? []).flatMap(names));
  const typed = value.value.filter((name) => !listed.has(name));
  if (!typed.length) return null;
  return html`<div class="chips">${typed.map((name) => html`<${Model} key=${name} name=${name} value=${value} />`)}</div>`;
}

function usable() {
  return (providers.value ?? []).filter((one) => one.status !== "unconfigured");
}

/** Providers that are known and not set up, with what they need. */
function Missing() {
  const missing = (providers.value ?? []).filter((one) => one.status === "unconfigured");
  if (!missing.length) return null;
  return html`
    <details class="missing">
      <summary>${count(missing.length, "more provider")} to set up</summary>
      <ul>
        ${missing.map((one) => html`<li><strong>${one.title || one.name}</strong> <span class="quiet">${one.reason}</span></li>`)}
      </ul>
    </details>
  `;
}

/** @param {{provider: import("../lib/draft.js").Provider, wanted: string, value: Names}} props */
function Group({ provider, wanted, value }) {
  const all = names(provider);
  const found = all.filter((name) => name.toLowerCase().includes(wanted) || value.value.includes(name));
  if (wanted && !found.length) return null;
  return html`
    <div class="provider">
      <p class="provider-name">
        <span class=${`dot dot-${provider.status}`} aria-hidden="true"></span>
        <strong>${provider.title || provider.name}</strong>
        <span class="quiet"> ${STATES[provider.status] ?? provider.status}${provider.reason ? `: ${provider.reason}` : ""}</span>
      </p>
      <div class="chips">
        ${found.slice(0, SHOWN).map((name) => html`<${Model} key=${name} name=${name} value=${value} />`)}
        ${found.length > SHOWN && html`<span class="quiet">and ${found.length - SHOWN} more: type to find them</span>`}
      </div>
    </div>
  `;
}

/** @param {{name: string, value: Names}} props */
function Model({ name, value }) {
  const chosen = value.value.includes(name);
  return html`
    <button type="button" class="chip chip-choice" aria-pressed=${chosen} onClick=${() => toggle(value, name)}>
      <${Icon} name=${chosen ? "check" : "plus"} /><bdi>${name}</bdi>
      <${Price} name=${name} />
    </button>
  `;
}

/** What a million tokens cost, read and written. @param {{name: string}} props */
function Price({ name }) {
  const price = prices.value?.get(name);
  if (!price || (price[0] === 0 && price[1] === 0)) return null;
  return html`<span class="chip-note" title="USD for a million tokens, read and written">${money(price[0])} / ${money(price[1])}</span>`;
}

/** @param {import("../lib/draft.js").Provider} provider */
function names(provider) {
  const models = provider.models.length ? provider.models : provider.model ? [provider.model] : [];
  return models.map((model) => (model.startsWith(`${provider.name}/`) ? model : `${provider.name}/${model}`));
}

/** @param {Names} value @param {string} name */
function toggle(value, name) {
  value.value = value.value.includes(name) ? value.value.filter((one) => one !== name) : [...value.value, name];
}
