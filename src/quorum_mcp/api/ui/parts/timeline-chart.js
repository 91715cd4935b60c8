// @ts-check
/** Latency over the window, and the calls of each of its slots; the same as a table for whoever wants figures. */
import { money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useMemo } from "../vendor/preact-hooks.js";
import { Columns } from "./bars.js";
import { Card } from "./page.js";
import { Table } from "./table.js";
import { TimeChart } from "./time-chart.js";

const PERCENTILES = ["p50", "p95", "p99"];
const DAY = 86_400; // seconds
const TICKS = 6;

/** @typedef {{at: string, requests: number, failed: number, cost: number, p50_latency: number|null, p95_latency: number|null, p99_latency: number|null, cost_per_1k_tokens: number|null}} Point */

/** @param {{timeline: {window: string, slot_seconds: number, timeline: Point[]}}} props */
export function Timeline({ timeline }) {
  const points = timeline.timeline;
  const when = (/** @type {number} */ at) => moment(at, timeline.slot_seconds, timeline.window);
  const times = useMemo(() => points.map((point) => Date.parse(point.at) / 1000), [points]);
  const series = useMemo(() => PERCENTILES.map((name) => ({
    name,
    values: points.map((point) => /** @type {any} */ (point)[`${name}_latency`]),
    show: seconds,
  })), [points]);
  const every = Math.max(1, Math.ceil(points.length / TICKS));
  const columns = points.map((point, index) => ({
    id: when(times[index]),
    value: point.requests,
    shown: `${point.requests.toLocaleString("en")} calls, ${point.failed} failed`,
    tick: index % every === 0 ? when(times[index]) : "",
  }));
  const enough = points.some((point) => point.p50_latency !== null);
  return html`
    <${Card} title="Latency over time" note="Percentiles of the calls that began in each slot; a slot with fewer than 20 answers has none.">
      ${enough
        ? html`<${TimeChart} times=${times} series=${series} when=${when} label="Latency over time: p50, p95 and p99; the table below has the figures" />`
        : html`<p class="quiet nothing-yet">Not enough data: no slot of this window has 20 answers.</p>`}
      <h3 class="card-sub">Calls</h3>
      <${Columns} columns=${columns} label="Calls over time" />
      <details class="twin">
        <summary>The same as a table</summary>
        <${Rows} points=${points} when=${when} />
      </details>
    <//>
  `;
}

/** @param {{points: Point[], when: (at: number) => string}} props */
function Rows({ points, when }) {
  const time = (/** @type {number|null} */ value) => (value === null ? "–" : seconds(value));
  const latency = (/** @type {string} */ name) => ({
    key: name,
    title: name,
    number: true,
    show: (/** @type {any} */ point) => time(point[`${name}_latency`]),
  });
  return html`
    <${Table} label="Calls and latency over time" rows=${[...points].reverse()} id=${(/** @type {Point} */ point) => point.at} size=${24} columns=${[
      { key: "at", title: "From", wide: true, show: (/** @type {Point} */ point) => when(Date.parse(point.at) / 1000) },
      { key: "requests", title: "Calls", number: true },
      { key: "failed", title: "Failed", number: true },
      ...PERCENTILES.map(latency),
      { key: "cost", title: "Cost", number: true, show: (/** @type {Point} */ point) => money(point.cost) },
    ]} />
  `;
}

/** @param {number} at seconds since 1970 @param {number} slot seconds @param {string} window */
function moment(at, slot, window) {
  const date = new Date(at * 1000);
  if (slot >= DAY) return date.toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" });
  const clock = date.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hour12: false });
  return window === "7d" ? `${date.toLocaleDateString("en", { weekday: "short" })} ${clock}` : clock;
}
