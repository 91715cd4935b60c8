// @ts-check
/** Models in order of one metric, the best first. */
import { count, money, percent, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { params, setParams } from "../lib/router.js";
import { Card } from "./page.js";
import { Shown } from "./states.js";
import { Choice } from "./tabs.js";

const METRICS = [
  { id: "latency", title: "Latency" },
  { id: "throughput", title: "Throughput" },
  { id: "cost", title: "Cost" },
  { id: "success_rate", title: "Success" },
  { id: "quality", title: "Quality" },
];
/** @type {Record<string, (value: number) => string>} */
const SHOW = {
  s: seconds,
  "tokens/s": (value) => `${Math.round(value)} tokens/s`,
  "USD/1k tokens": (value) => `${money(value)} per 1,000 tokens`,
  ratio: percent,
};
/** @type {Record<string, string>} */
const MEANS = {
  latency: "By the median.",
  throughput: "Output tokens a second, from the first piece of an answer to its end.",
  cost: "Per 1,000 tokens, input and output together.",
  success_rate: "Answers among all calls but those that failed through no fault of the provider.",
  quality: "Right answers among those that somebody judged: by scores, or by calibration.",
};

/** @typedef {{rank: number, provider: string, model: string, value: number, unit: string, n: number}} Place */

/** @param {{window: string}} props */
export function Leaderboards({ window }) {
  const metric = METRICS.find((one) => one.id === params.value.get("metric"))?.id ?? "latency";
  const board = useLoad(`api/benchmark/leaderboard/${metric}?time_window=${window}`);
  const choose = html`<${Choice} label="Metric" name="metric" options=${METRICS} chosen=${metric}
    onChoose=${(/** @type {string} */ id) => setParams({ metric: id === "latency" ? null : id })} />`;
  return html`
    <${Card} title="Leaderboard" note=${MEANS[metric]} actions=${choose}>
      <${Shown} of=${board}>${(/** @type {{leaderboard: Place[], left_out: number}} */ data) => html`
        ${data.leaderboard.length === 0 && html`<p class="quiet nothing-yet">Not enough data: a place needs 20 ${metric === "quality" ? "judged answers" : "calls"}.</p>`}
        <ol class="places">
          ${data.leaderboard.map((place) => html`
            <li key=${`${place.provider}/${place.model}`} class=${place.rank === 1 ? "first" : ""}>
              <span class="place-rank">${place.rank}</span>
              <span class="place-name"><bdi>${place.provider}/${place.model}</bdi></span>
              <span class="place-n quiet">${count(place.n, metric === "quality" ? "answer" : "call")}</span>
              <span class="place-value">${SHOW[place.unit](place.value)}</span>
            </li>
          `)}
        </ol>
        ${data.left_out > 0 && data.leaderboard.length > 0 && html`<p class="quiet">${count(data.left_out, "model")} left out: not enough data.</p>`}
      `}<//>
    <//>
  `;
}
