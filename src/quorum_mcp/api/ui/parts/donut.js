// @ts-check
/** Shares of a whole as a ring, and beside it the same as a table, which is what is read. */
import { percent } from "../lib/format.js";
import { html } from "../lib/html.js";

const MIDDLE = 60;
const RADIUS = 44;
const ROUND = 2 * Math.PI * RADIUS;
const GAP = 2;
export const COLOURS = 6;

/** @typedef {{id: string, label: any, value: number, shown: string, note?: string}} Share */

/** The greatest shares, and the rest as one. @param {Share[]} shares @param {(value: number) => string} show @returns {Share[]} */
export function gathered(shares, show) {
  const sorted = [...shares].sort((a, b) => b.value - a.value);
  if (sorted.length <= COLOURS) return sorted;
  const rest = sorted.slice(COLOURS - 1);
  const value = rest.reduce((sum, one) => sum + one.value, 0);
  return [...sorted.slice(0, COLOURS - 1), { id: "rest", label: `${rest.length} others`, value, shown: show(value) }];
}

/** @param {{shares: Share[], total: string, caption: string, what: string, unit: string}} props `what` a share is of, `unit` heads the figures */
export function Donut({ shares, total, caption, what, unit }) {
  const whole = shares.reduce((sum, one) => sum + one.value, 0) || 1;
  let before = 0;
  const arcs = shares.map((one, index) => {
    const length = (one.value / whole) * ROUND;
    const gap = shares.length > 1 ? Math.min(GAP, length / 2) : 0;
    const arc = html`<circle class=${`slice series-${index + 1}`} cx=${MIDDLE} cy=${MIDDLE} r=${RADIUS}
      stroke-dasharray=${`${Math.max(0, length - gap)} ${ROUND}`} stroke-dashoffset=${-before} />`;
    before += length;
    return arc;
  });
  return html`
    <div class="donut">
      <div class="donut-ring" aria-hidden="true">
        <svg viewBox="0 0 120 120">
          <circle class="donut-ground" cx=${MIDDLE} cy=${MIDDLE} r=${RADIUS} />
          <g transform=${`rotate(-90 ${MIDDLE} ${MIDDLE})`}>${arcs}</g>
        </svg>
        <p><strong>${total}</strong><span>${caption}</span></p>
      </div>
      <table class="legend">
        <caption class="unseen">${caption}</caption>
        <thead><tr><th scope="col">${what}</th><th scope="col">${unit}</th><th scope="col">Share</th></tr></thead>
        <tbody>
          ${shares.map((one, index) => html`
            <tr key=${one.id}>
              <th scope="row"><i class=${`swatch series-${index + 1}`} aria-hidden="true"></i><bdi>${one.label}</bdi></th>
              <td>${one.shown}</td>
              <td>${percent(one.value / whole)}</td>
            </tr>
          `)}
        </tbody>
      </table>
    </div>
  `;
}
