// @ts-check
/** A call's way through the pipeline: each stage with what it decided, when, and how long that took. */
import { money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @typedef {{stage: string, began: number, seconds: number, decision: string}} Stage */

/** @type {Record<string, string>} */
const NAMES = {
  candidates: "Candidates",
  guardrail: "Guardrail",
  cache: "Cache",
  queue: "Queue",
  limits: "Limits",
  breaker: "Breaker",
  budget: "Budget",
  provider: "Provider",
  pause: "Pause",
  other: "Note",
};
const SHORT = 0.0005; // seconds below which a decision took no time worth a bar

/** @param {{stages: Stage[], whole: number, firstToken: number|null}} props `whole` is how long the call took, `firstToken` when the answer began; seconds since the call did */
export function Waterfall({ stages, whole, firstToken }) {
  const end = Math.max(whole, ...stages.map((one) => one.began + one.seconds), 0.001);
  const last = stages.findLastIndex((one) => one.stage === "provider" && one.decision.includes(" answered: "));
  const place = (/** @type {number} */ at) => `${Math.min(100, (at / end) * 100)}%`;
  return html`
    <ol class="waterfall">
      ${stages.map((one, index) => html`
        <li class=${`stage stage-${one.stage}${/ failed: /.test(one.decision) ? " stage-failed" : ""}`}>
          <span class="stage-name">${NAMES[one.stage] ?? one.stage}</span>
          <span class="stage-track" aria-hidden="true">
            <i class=${one.seconds < SHORT ? "stage-moment" : "stage-bar"} style=${{ left: place(one.began), width: one.seconds < SHORT ? "" : place(one.seconds) }}></i>
            ${index === last && firstToken !== null && html`<i class="stage-first" style=${{ left: place(firstToken) }}></i>`}
          </span>
          <span class="stage-time">${one.seconds < SHORT ? `at ${moment(one.began)}` : seconds(one.seconds)}</span>
          <span class="stage-decision"><bdi>${said(one.decision)}</bdi></span>
        </li>
      `)}
    </ol>
  `;
}

/** A decision without the name that stands before it, amounts as people read them. @param {string} decision */
function said(decision) {
  return decision
    .replace(/^(candidates|cache): /, "")
    .replace(/(\d+) nanodollars/, (_, amount) => money(Number(amount) / 1e9));
}

/** @param {number} at seconds */
function moment(at) {
  return at < SHORT ? "0 ms" : seconds(at);
}
