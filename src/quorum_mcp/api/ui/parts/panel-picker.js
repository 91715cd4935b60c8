// @ts-check
/** Who is asked: the default panel, or models chosen from the providers' lists or typed by name. */
import { estimated, panel, providers } from "../lib/draft.js";
import { count, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { Icon } from "./icon.js";

const SHOWN = 12; // models of a provider before its list asks to be filtered

const NAMED = 5; // seats of the default panel that are named

/** @type {Record<string, string>} */
const STATES = { healthy: "ready", degraded: "unsteady", unhealthy: "failing" };

export function PanelPicker() {
  return html`
    <details class="panel">
      <summary>
        <span class="panel-label">Panel</span>
        <span class="chips">
          ${panel.value.length === 0 && html`<span class="chip chip-quiet">the default panel</span><${Default} />`}
          ${panel.value.map((name) => html`<span class="chip"><bdi>${name}</bdi></span>`)}
        </span>
        <${Icon} name="chevron" />
      </summary>
      <${Choice} />
    </details>
  `;
}

/** Who the default panel is. */
function Default() {
  const seats = estimated.value?.seats ?? [];
  const more = seats.length - NAMED;
  return html`<span class="quiet panel-default">${seats.slice(0, NAMED).map(shortName).join(", ")}${more > 0 ? ` and ${more} more` : ""}</span>`;
}

function Choice() {
  const filter = useSignal("");
  const wanted = filter.value.trim().toLowerCase();
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const typed = filter.value.trim();
    if (typed) toggle(typed);
    filter.value = "";
  };
  return html`
    <div class="panel-choice">
      <label for="panel-filter">Find a model, or type a name and press Enter</label>
      <input id="panel-filter" type="text" autocomplete="off" spellcheck=${false} value=${filter.value}
        placeholder="provider/model" onKeyDown=${keys}
        onInput=${(/** @type {any} */ event) => {
          filter.value = event.currentTarget.value;
        }} />
      <${Typed} />
      ${providers.value === null
        ? html`<p class="quiet">Loading the providers …</p>`
        : usable().map((one) => html`<${Group} key=${one.name} provider=${one} wanted=${wanted} />`)}
      <${Missing} />
      ${panel.value.length > 0 &&
      html`<button type="button" class="link" onClick=${() => {
        panel.value = [];
      }}>Back to the default panel</button>`}
    </div>
  `;
}

/** Names that were typed and are in no provider's list. */
function Typed() {
  const listed = new Set((providers.value ?? []).flatMap(names));
  const typed = panel.value.filter((name) => !listed.has(name));
  if (!typed.length) return null;
  return html`<div class="chips">${typed.map((name) => html`<${Model} key=${name} name=${name} />`)}</div>`;
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

/** @param {{provider: import("../lib/draft.js").Provider, wanted: string}} props */
function Group({ provider, wanted }) {
  const all = names(provider);
  const found = all.filter((name) => name.toLowerCase().includes(wanted) || panel.value.includes(name));
  if (wanted && !found.length) return null;
  return html`
    <div class="provider">
      <p class="provider-name">
        <span class=${`dot dot-${provider.status}`} aria-hidden="true"></span>
        <strong>${provider.title || provider.name}</strong>
        <span class="quiet"> ${STATES[provider.status] ?? provider.status}${provider.reason ? `: ${provider.reason}` : ""}</span>
      </p>
      <div class="chips">
        ${found.slice(0, SHOWN).map((name) => html`<${Model} key=${name} name=${name} />`)}
        ${found.length > SHOWN && html`<span class="quiet">and ${found.length - SHOWN} more: type to find them</span>`}
      </div>
    </div>
  `;
}

/** @param {{name: string}} props */
function Model({ name }) {
  const chosen = panel.value.includes(name);
  return html`
    <button type="button" class="chip chip-choice" aria-pressed=${chosen} onClick=${() => toggle(name)}>
      <${Icon} name=${chosen ? "check" : "plus"} /><bdi>${name}</bdi>
    </button>
  `;
}

/** @param {import("../lib/draft.js").Provider} provider */
function names(provider) {
  const models = provider.models.length ? provider.models : provider.model ? [provider.model] : [];
  return models.map((model) => (model.startsWith(`${provider.name}/`) ? model : `${provider.name}/${model}`));
}

/** @param {string} name */
function toggle(name) {
  panel.value = panel.value.includes(name) ? panel.value.filter((one) => one !== name) : [...panel.value, name];
}
