// @ts-check
/** Models beside one another: a table of everything, and bars for how long they take and what they cost. */
import { money, percent, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Bars } from "./bars.js";
import { Card } from "./page.js";
import { Table } from "./table.js";

const DRAWN = 8; // models in the charts; the table has all
const TOO_FEW = "not enough data";

/** @typedef {{provider: string, model: string, requests: number, n: number, avg_latency: number|null, p50_latency: number|null, p95_latency: number|null, p99_latency: number|null, p50_first_token: number|null, avg_throughput: number|null, cost_per_1k_tokens: number|null, success_rate: number|null, note: string|null}} Line */

/** @param {{lines: Line[], window: string}} props */
export function Comparison({ lines, window }) {
  const most = [...lines].sort((a, b) => b.requests - a.requests).slice(0, DRAWN);
  const more = lines.length > DRAWN ? `The ${DRAWN} models that were asked most; the table has all ${lines.length}.` : "";
  return html`
    <div class="two-columns even">
      <${Card} title="Latency" note=${`Half of all answers took less than p50, 99 of 100 less than p99. ${more}`}>
        <${Bars} label="Latency by model" groups=${most.map((line) => ({
          id: name(line),
          label: name(line),
          note: `${TOO_FEW} (${line.n} of 20)`,
          bars: [bar("p50", line.p50_latency, seconds), bar("p95", line.p95_latency, seconds), bar("p99", line.p99_latency, seconds)],
        }))} />
      <//>
      <${Card} title="Cost of 1,000 tokens" note=${`Input and output together, as they were billed. ${more}`}>
        <${Bars} label="Cost of 1,000 tokens by model" groups=${most.map((line) => ({
          id: name(line),
          label: name(line),
          note: "no price is known",
          bars: [bar("cost", line.cost_per_1k_tokens, money)],
        }))} />
      <//>
    </div>
    <${Card} title="Comparison" note="Percentiles are exact to 1 % and need 20 answers.">
      <${Table} label="Comparison of models" rows=${lines} id=${name} columns=${COLUMNS} size=${25} />
      <p class="own-link"><a href=${`api/benchmark/providers?format=csv&time_window=${window}`} download>Download as CSV</a></p>
    <//>
  `;
}

/** @param {Line} line */
function name(line) {
  return `${line.provider}/${line.model}`;
}

/** @param {string} label @param {number|null} value @param {(value: number) => string} show */
function bar(label, value, show) {
  return { name: label, value, shown: value === null ? "" : show(value) };
}

/** @param {string} key @param {string} title @param {(value: number) => string} show @param {string} [none] */
function figure(key, title, show, none = "–") {
  return {
    key,
    title,
    number: true,
    by: (/** @type {any} */ line) => line[key],
    show: (/** @type {any} */ line) => (line[key] === null ? html`<span class="quiet">${key.startsWith("p") && line.note ? line.note : none}</span>` : show(line[key])),
  };
}

const COLUMNS = [
  { key: "model", title: "Model", wide: true, by: name, show: (/** @type {Line} */ line) => html`<bdi>${name(line)}</bdi>` },
  figure("requests", "Calls", (value) => value.toLocaleString("en")),
  figure("success_rate", "Answered", percent),
  figure("p50_latency", "p50", seconds),
  figure("p95_latency", "p95", seconds),
  figure("p99_latency", "p99", seconds),
  figure("p50_first_token", "First token", seconds),
  figure("avg_throughput", "Tokens/s", (value) => value.toFixed(value < 10 ? 1 : 0)),
  figure("cost_per_1k_tokens", "1,000 tokens", money, "unknown"),
];
