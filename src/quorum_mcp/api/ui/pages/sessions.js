// @ts-check
/** Every session: found by state, day and words; opened, or two of them laid side by side. */
import { MODES, ago, count, money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { usePaged } from "../lib/paged.js";
import { href, params, sessionPath, setParams } from "../lib/router.js";
import { onKey } from "../lib/shortcuts.js";
import { PageFrame } from "../parts/page.js";
import { STATUSES, Status, isOpen } from "../parts/status.js";
import { Empty, Failed, Loading } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { Icon } from "../parts/icon.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const AGAIN = 4000; // milliseconds between two looks at the list while something in it is running
const PAUSE = 250; // milliseconds without a letter before the list is asked
const DAY = 86_400_000;
const FILTERS = ["q", "status", "since", "until"];

/** @typedef {{session_id: string, status: string, mode: string, title: string, turns: number, calls: number, total_cost: number, simulated: boolean, created_at: string, finished_at: string|null}} Line */

export function Page() {
  const chosen = useSignal(/** @type {string[]} */ ([]));
  const running = useSignal(false);
  const { rows, error, more, reload } = usePaged(address(), "sessions", { every: running.value ? AGAIN : 0 });
  useEffect(() => {
    running.value = (rows ?? []).some((/** @type {Line} */ line) => isOpen(line.status));
  }, [rows]);
  const filtered = FILTERS.some((name) => params.value.get(name));
  const empty = filtered
    ? html`<${Empty} title="No session fits" icon="search">Look for something else, or <a href="#/sessions">show all sessions</a>.<//>`
    : html`<${Empty} title="No sessions yet" icon="sessions">Whatever you ask stays here, with everything the models said. <a href="#/">Ask a question</a>.<//>`;
  return html`
    <${PageFrame} title="Sessions" lead="Every question with its answer, what each model said, and what it cost."
      actions=${html`<${Compare} chosen=${chosen.value} />`}>
      <${Filters} />
      ${error && html`<${Failed} error=${error} retry=${reload} />`}
      ${rows === null && !error && html`<${Loading} />`}
      ${rows && html`<${Table} label="Sessions" columns=${columns(chosen)} rows=${rows} id=${(/** @type {Line} */ line) => line.session_id}
        href=${(/** @type {Line} */ line) => `#${sessionPath(line.session_id)}`} more=${more} empty=${empty} />`}
    <//>
  `;
}

/** What the server is asked, from what the page's address says. */
function address() {
  const asked = new URLSearchParams({ limit: "50" });
  for (const name of ["q", "status"]) {
    const value = params.value.get(name);
    if (value) asked.set(name, value);
  }
  const [since, until] = ["since", "until"].map((name) => Date.parse(`${params.value.get(name)}T00:00`));
  if (!Number.isNaN(since)) asked.set("since", new Date(since).toISOString());
  if (!Number.isNaN(until)) asked.set("until", new Date(until + DAY).toISOString());
  return `api/sessions?${asked}`;
}

function Filters() {
  const words = useRef(/** @type {HTMLInputElement|null} */ (null));
  const timer = useRef(0);
  useEffect(() => onKey("/", () => words.current?.focus()), []);
  /** @param {string} name */
  const set = (name) => (/** @type {any} */ event) => setParams({ [name]: event.currentTarget.value });
  const typed = (/** @type {any} */ event) => {
    const q = event.currentTarget.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setParams({ q }), PAUSE);
  };
  const now = params.value;
  return html`
    <form class="filters" role="search" aria-label="Sessions" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <div class="filter filter-words">
        <label for="filter-q">Question holds</label>
        <input id="filter-q" ref=${words} type="search" maxlength="200" value=${now.get("q") ?? ""} onInput=${typed} />
      </div>
      <div class="filter">
        <label for="filter-status">Status</label>
        <select id="filter-status" value=${now.get("status") ?? ""} onChange=${set("status")}>
          <option value="">any</option>
          ${STATUSES.map((status) => html`<option value=${status}>${status}</option>`)}
        </select>
      </div>
      <div class="filter">
        <label for="filter-since">From</label>
        <input id="filter-since" type="date" value=${now.get("since") ?? ""} onChange=${set("since")} />
      </div>
      <div class="filter">
        <label for="filter-until">To</label>
        <input id="filter-until" type="date" value=${now.get("until") ?? ""} onChange=${set("until")} />
      </div>
      ${FILTERS.some((name) => now.get(name)) && html`<a class="filter-clear" href="#/sessions">Clear</a>`}
    </form>
  `;
}

/** @param {import("../vendor/signals.js").Signal<string[]>} chosen */
function columns(chosen) {
  /** @param {Line} line */
  const choose = (line) => {
    const kept = chosen.value.filter((id) => id !== line.session_id);
    chosen.value = kept.length < chosen.value.length ? kept : [...kept.slice(-1), line.session_id];
  };
  return [
    { key: "title", title: "Question", wide: true, show: (/** @type {Line} */ line) => html`
      ${line.simulated && html`<span class="tag">simulated</span> `}<bdi>${line.title}</bdi>` },
    { key: "status", title: "Status", show: (/** @type {Line} */ line) => html`<${Status} status=${line.status} />` },
    { key: "mode", title: "Mode", show: (/** @type {Line} */ line) => html`
      ${MODES[line.mode] ?? line.mode}${line.turns > 1 ? `, ${count(line.turns, "question")}` : ""}` },
    { key: "calls", title: "Calls", number: true },
    { key: "cost", title: "Cost", number: true, show: (/** @type {Line} */ line) => money(line.total_cost) },
    { key: "time", title: "Took", number: true, show: (/** @type {Line} */ line) => took(line) },
    { key: "when", title: "Asked", number: true, show: (/** @type {Line} */ line) => html`
      <time datetime=${line.created_at} title=${new Date(line.created_at).toLocaleString()}>${ago(line.created_at)}</time>` },
    { key: "compare", title: "Compare", show: (/** @type {Line} */ line) => html`
      <input type="checkbox" aria-label=${`Compare ${line.title.slice(0, 60)}`} checked=${chosen.value.includes(line.session_id)}
        onChange=${() => choose(line)} />` },
  ]; // prettier-ignore
}

/** From the first question to the last answer, where there was but one question. @param {Line} line */
function took(line) {
  if (line.turns > 1) return "";
  if (line.finished_at === null) return "…";
  return seconds((Date.parse(line.finished_at) - Date.parse(line.created_at)) / 1000);
}

/** @param {{chosen: string[]}} props */
function Compare({ chosen }) {
  if (!chosen.length) return null;
  if (chosen.length === 1) return html`<p class="quiet">Choose one more to compare</p>`;
  return html`<a class="button primary" href=${href("/compare", { a: chosen[0], b: chosen[1] })}><${Icon} name="compare" />Compare the two</a>`;
}
