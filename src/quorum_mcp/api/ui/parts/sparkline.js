// @ts-check
/** How long the last calls took, the newest at the right; what failed is a red stroke at the foot. */
import { html } from "../lib/html.js";

const WIDE = 200;
const HIGH = 48;
const FOOT = 6; // below the line, where failures are marked
const CALM = 4; // times the median that fill the height: a single slow call must not flatten all others

/** @param {{calls: {seconds: number|null, ok: boolean}[], label: string, room?: number}} props `room` for how many calls */
export function Sparkline({ calls, label, room = 100 }) {
  const step = WIDE / Math.max(room - 1, 1);
  const left = WIDE - step * (calls.length - 1);
  const times = calls.filter((call) => call.ok && call.seconds !== null).map((call) => call.seconds ?? 0);
  const middle = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 1;
  const top = Math.max(Math.min(Math.max(...times), middle * CALM), 1e-6); // many calls take no time at all
  const points = calls
    .map((call, index) => ({ call, x: left + index * step }))
    .filter(({ call }) => call.ok && call.seconds !== null)
    .map(({ call, x }) => [x, 2 + (HIGH - FOOT - 4) * (1 - Math.min(1, (call.seconds ?? 0) / top))]);
  const line = points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const area = points.length > 1 ? `${line}L${points[points.length - 1][0].toFixed(1)} ${HIGH - FOOT}L${points[0][0].toFixed(1)} ${HIGH - FOOT}Z` : "";
  const failures = calls
    .map((call, index) => (call.ok ? "" : `M${(left + index * step).toFixed(1)} ${HIGH - FOOT + 1}V${HIGH}`))
    .join("");
  return html`
    <svg class="sparkline" viewBox=${`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" role="img" aria-label=${label}>
      <path class="spark-ground" d=${`M0 ${HIGH - FOOT}H${WIDE}`} />
      ${area && html`<path class="spark-area" d=${area} />`}
      ${points.length === 1 ? html`<path class="spark-line" d=${`${line}h0.1`} />` : html`<path class="spark-line" d=${line} />`}
      <path class="spark-failed" d=${failures} />
    </svg>
  `;
}
