// @ts-check
/** One of several views or windows. Arrow keys move between them, as the roles promise. */
import { html } from "../lib/html.js";
import { params, setParams } from "../lib/router.js";

/**
 * Tabs above one panel: `<${Tabs} label="…" tabs=${[{id, title}]} chosen=${id} onChoose=${…}>the panel<//>`.
 * @param {{label: string, tabs: {id: string, title: any}[], chosen: string, onChoose: (id: string) => void, children: any}} props
 */
export function Tabs({ label, tabs, chosen, onChoose, children }) {
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    onChoose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${label} onKeyDown=${keys}>
      ${tabs.map(({ id, title }) => html`
        <button type="button" role="tab" id=${`tab-${id}`} aria-selected=${id === chosen} aria-controls="tab-panel"
          tabindex=${id === chosen ? 0 : -1} onClick=${() => onChoose(id)}>${title}</button>
      `)}
    </div>
    <div id="tab-panel" role="tabpanel" aria-labelledby=${`tab-${chosen}`}>${children}</div>
  `;
}

export const WINDOWS = ["1h", "24h", "7d", "all"];
/** @type {Record<string, string>} */
const WORDS = { "1h": "1 hour", "24h": "24 hours", "7d": "7 days", all: "All" };

/** The time window in the address, `24h` where none is named. */
export function timeWindow() {
  const named = params.value.get("window");
  return named && WINDOWS.includes(named) ? named : "24h";
}

/** Which time is looked at; it is kept in the address. */
export function WindowSwitch() {
  return html`<${Choice} label="Time" name="window" options=${WINDOWS.map((id) => ({ id, title: WORDS[id] }))} chosen=${timeWindow()}
    onChoose=${(/** @type {string} */ id) => setParams({ window: id === "24h" ? null : id })} />`;
}

/**
 * One of a few words in a row, as radio buttons.
 * @param {{label: string, name: string, options: {id: string, title: any}[], chosen: string, onChoose: (id: string) => void}} props
 */
export function Choice({ label, name, options, chosen, onChoose }) {
  return html`
    <fieldset class="choice">
      <legend class="unseen">${label}</legend>
      ${options.map(({ id, title }) => html`
        <label>
          <input type="radio" name=${name} value=${id} checked=${id === chosen} onChange=${() => onChoose(id)} />
          <span>${title}</span>
        </label>
      `)}
    </fieldset>
  `;
}
