// @ts-check
/** Who spent what on whom: by provider as a ring with its table, by anything else as a table, and day by day. */
import { count, money } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { params, setParams } from "../lib/router.js";
import { Columns } from "./bars.js";
import { Donut, gathered } from "./donut.js";
import { Card } from "./page.js";
import { Loading, Shown } from "./states.js";
import { Table } from "./table.js";
import { Choice, Tabs } from "./tabs.js";

const GROUPS = [
  { id: "provider", title: "Provider", none: "–" },
  { id: "model", title: "Model", none: "–" },
  { id: "organization", title: "Organisation", none: "–" },
  { id: "key", title: "Key", none: "without a key" },
  { id: "tag", title: "Tag", none: "without a tag" },
];
const SPANS = [
  { id: "1", title: "24 hours" },
  { id: "7", title: "7 days" },
  { id: "30", title: "30 days" },
  { id: "all", title: "All" },
];
const DAY = 86_400_000; // milliseconds
const SHOWN_DAYS = 30;

/** @typedef {{group: string|null, name: string|null, requests: number, succeeded: number, failed: number, cached: number, input_tokens: number, output_tokens: number, cost: number, unpriced: number}} Line */
/** @typedef {{group_by: string, usage: Line[], total: Line}} Report */

export function Spending() {
  const by = GROUPS.find((group) => group.id === params.value.get("by")) ?? GROUPS[0];
  const span = SPANS.find((one) => one.id === params.value.get("span")) ?? SPANS[2];
  const since = span.id === "all" ? "" : `&since=${new Date(hour() - Number(span.id) * DAY).toISOString()}`;
  const report = useLoad(`api/usage?group_by=${by.id}${since}`);
  const choose = html`<${Choice} label="Time" name="span" options=${SPANS} chosen=${span.id}
    onChoose=${(/** @type {string} */ id) => setParams({ span: id === SPANS[2].id ? null : id })} />`;
  return html`
    <${Card} title="Cost" note="Over the calls whose price is known; simulated ones cost nothing." actions=${choose} kind="spending">
      <${Tabs} label="By" tabs=${GROUPS} chosen=${by.id} onChoose=${(/** @type {string} */ id) => setParams({ by: id === "provider" ? null : id })}>
        <${Shown} of=${report}>${(/** @type {Report} */ data) =>
          data.group_by !== by.id
            ? html`<${Loading} />`
            : data.total.requests === 0
            ? html`<p class="quiet nothing-yet">Nothing was asked in this time.</p>`
            : by.id === "provider"
              ? html`<${Ring} report=${data} />`
              : html`<${Lines} report=${data} by=${by} />`}<//>
      <//>
      <p class="own-link"><a href=${`api/usage?format=csv&group_by=${by.id}${since}`} download>Download as CSV</a></p>
      <${Days} />
    <//>
  `;
}

/** The hour that has begun: an address that changes by the millisecond would be asked for without end. */
function hour() {
  return Math.floor(Date.now() / 3_600_000) * 3_600_000;
}

/** @param {{report: Report}} props */
function Ring({ report }) {
  const shares = report.usage.map((line) => ({ id: line.group ?? "", label: line.group ?? "–", value: line.cost, shown: money(line.cost) }));
  return html`<${Donut} shares=${gathered(shares, money)} total=${money(report.total.cost)} caption=${count(report.total.requests, "call")} what="Provider" unit="Cost" />`;
}

/** @param {{report: Report, by: {id: string, title: string, none: string}}} props */
function Lines({ report, by }) {
  const whole = report.total.cost || 1;
  const name = (/** @type {Line} */ line) => line.name ?? line.group ?? by.none;
  return html`
    <${Table} label=${`Cost by ${by.title.toLowerCase()}`} rows=${report.usage} id=${(/** @type {Line} */ line) => line.group ?? ""} size=${12} columns=${[
      { key: "group", title: by.title, wide: true, by: name, show: (/** @type {Line} */ line) => html`<bdi>${name(line)}</bdi>` },
      { key: "requests", title: "Calls", number: true, by: (/** @type {Line} */ line) => line.requests, show: (/** @type {Line} */ line) => line.requests.toLocaleString("en") },
      { key: "tokens", title: "Tokens", number: true, by: (/** @type {Line} */ line) => line.input_tokens + line.output_tokens, show: (/** @type {Line} */ line) => (line.input_tokens + line.output_tokens).toLocaleString("en") },
      { key: "share", title: "Share", number: true, by: (/** @type {Line} */ line) => line.cost, show: (/** @type {Line} */ line) => `${Math.round((line.cost / whole) * 100)} %` },
      { key: "cost", title: "Cost", number: true, by: (/** @type {Line} */ line) => line.cost, show: (/** @type {Line} */ line) => money(line.cost) },
    ]} />
  `;
}

function Days() {
  const since = new Date(hour() - (SHOWN_DAYS - 1) * DAY).toISOString().slice(0, 10);
  const report = useLoad(`api/usage?group_by=day&since=${since}`);
  if (!report.data) return null;
  const costs = new Map(report.data.usage.map((/** @type {Line} */ line) => [line.group, line.cost]));
  const columns = Array.from({ length: SHOWN_DAYS }, (_, index) => {
    const id = new Date(Date.parse(since) + index * DAY).toISOString().slice(0, 10);
    const cost = costs.get(id) ?? 0;
    const tick = index % 7 === SHOWN_DAYS % 7 ? new Date(id).toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" }) : "";
    return { id, value: cost, shown: money(cost), tick };
  });
  return html`<h3 class="card-sub">Day by day, the last ${SHOWN_DAYS}</h3><${Columns} columns=${columns} label="Cost by day" />`;
}
