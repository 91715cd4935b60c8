// @ts-check
/** Performance: how calls did in a window of time, over it, and model by model. */
import { money, percent, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { Comparison } from "../parts/comparison.js";
import { Leaderboards } from "../parts/leaderboards.js";
import { Card, Figures, PageFrame } from "../parts/page.js";
import { Empty, Shown } from "../parts/states.js";
import { WindowSwitch, timeWindow } from "../parts/tabs.js";
import { Timeline } from "../parts/timeline-chart.js";

const AGAIN = 30_000; // milliseconds

/** @typedef {{window: string, total_requests: number, cached: number, total_cost: number, n: number, avg_latency: number|null, success_rate: number|null}} Summary */

export function Page() {
  const window = timeWindow();
  const summary = useLoad(`api/benchmark/summary?time_window=${window}`, { every: AGAIN });
  const timeline = useLoad(`api/benchmark/timeline?time_window=${window}`, { every: AGAIN });
  const comparison = useLoad(`api/benchmark/providers?time_window=${window}`, { every: AGAIN });
  return html`
    <${PageFrame} title="Performance" actions=${html`<${WindowSwitch} />`}
      lead="How long models take, how often they answer and what they cost, from the calls that were made. Simulated calls do not count.">
      <${Shown} of=${summary}>${(/** @type {Summary} */ data) =>
        data.total_requests === 0
          ? html`<${Empty} title="Nothing was asked in this time" icon="performance">
              Choose a longer time above, or <a href="#/">ask a question</a>: figures appear with the first call.
            <//>`
          : html`
              <${Card}><${Figures} of=${figures(data)} /><//>
              <${Shown} of=${timeline}>${(/** @type {any} */ found) => html`<${Timeline} timeline=${found} />`}<//>
              <${Shown} of=${comparison}>${(/** @type {any} */ found) => html`<${Comparison} lines=${found.comparison} window=${window} />`}<//>
              <${Leaderboards} window=${window} />
            `}<//>
    <//>
  `;
}

/** @param {Summary} data */
function figures(data) {
  return [
    { label: "Calls", value: data.total_requests.toLocaleString("en"), note: data.cached ? `${data.cached.toLocaleString("en")} from the cache` : "" },
    { label: "Answered", value: data.success_rate === null ? "–" : tight(data.success_rate), note: "our own refusals left out" },
    { label: "Mean latency", value: data.avg_latency === null ? "–" : seconds(data.avg_latency), note: `over ${data.n.toLocaleString("en")} answers` },
    { label: "Cost", value: money(data.total_cost), note: data.total_requests ? `${money(data.total_cost / data.total_requests)} a call` : "" },
  ];
}

/** @param {number} share 0.998 is not 100 % */
function tight(share) {
  return share > 0.99 && share < 1 ? `${(Math.floor(share * 1000) / 10).toFixed(1)} %` : percent(share);
}
