// @ts-check
/** The settings that the server runs with, and where each value came from. */
import { count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { params, setParams } from "../lib/router.js";
import { Card, PageFrame } from "../parts/page.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { Choice } from "../parts/tabs.js";

const SHOWN = [
  { id: "all", title: "All" },
  { id: "set", title: "Only what was set" },
];

/** @typedef {{key: string, value: any, source: string}} Setting */

export function Page() {
  const settings = useLoad("api/settings");
  const health = useLoad("api/health");
  const words = params.value.get("q") ?? "";
  const shown = params.value.get("show") ?? "all";
  return html`
    <${PageFrame} title="Settings" lead="What the running server goes by, and where each value came from: command line before environment, .env, quorum.yaml and default. It read them when it was started.">
      ${health.data && html`<${Parts} health=${health.data} />`}
      <div class="call-filters">
        <label class="call-filter call-filter-wide">
          <span>Find</span>
          <input type="text" value=${words} autocomplete="off" spellcheck=${false} placeholder="a key, a value or a source"
            onInput=${(/** @type {any} */ event) => setParams({ q: event.currentTarget.value })} />
        </label>
        <${Choice} label="Which" name="show" options=${SHOWN} chosen=${shown} onChoose=${(/** @type {string} */ id) => setParams({ show: id === "all" ? null : id })} />
      </div>
      <${Shown} of=${settings}>${(/** @type {{settings: Setting[]}} */ data) => {
        const rows = data.settings.filter((one) => fits(one, words) && (shown === "all" || one.source !== "default"));
        return html`
          <p class="quiet summary-line">${count(rows.length, "setting")}, ${data.settings.filter((one) => one.source !== "default").length} of all ${data.settings.length} set by somebody.</p>
          <${Table} label="Settings" rows=${rows} id=${(/** @type {Setting} */ one) => one.key} size=${50} columns=${COLUMNS}
            empty=${html`<${Empty} title="No setting is like that" icon="settings"><a href="#/settings">Show all of them</a><//>`} />
        `;
      }}<//>
    <//>
  `;
}

/** @param {{health: {status: string, providers: number, session_manager: string, checks: Record<string, any>}}} props */
function Parts({ health }) {
  const { providers, reasons, ...checks } = health.checks;
  const facts = [["server", health.status], ["sessions", health.session_manager], ["providers that can be asked", health.providers], ...Object.entries(checks)];
  return html`
    <${Card} title="How it runs">
      <dl class="fact-list fact-row">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${text(value)}</dd></div>`)}</dl>
    <//>
  `;
}

/** @param {Setting} one @param {string} words */
function fits(one, words) {
  const within = `${one.key} ${text(one.value)} ${one.source}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => within.includes(word));
}

/** @param {any} value */
function text(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

const COLUMNS = [
  { key: "key", title: "Setting", by: (/** @type {Setting} */ one) => one.key, show: (/** @type {Setting} */ one) => html`<code>${one.key}</code>` },
  { key: "value", title: "Value", wide: true, show: (/** @type {Setting} */ one) => (one.value === null ? html`<span class="quiet">not set</span>` : html`<code><bdi>${text(one.value)}</bdi></code>`) },
  { key: "source", title: "From", by: (/** @type {Setting} */ one) => one.source, show: (/** @type {Setting} */ one) => html`<span class=${one.source === "default" ? "quiet" : "source-set"} title=${one.source}>${one.source.replace(/ \(.*\)$/, "")}</span>` },
];
