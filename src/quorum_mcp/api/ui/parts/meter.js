// @ts-check
/** A bar: how much of a whole, with a mark where it becomes a warning. Words say the same beside it. */
import { html } from "../lib/html.js";

/**
 * @param {{value: number, most: number, forecast?: number|null, mark?: number|null, label: string}} props `forecast` is where the
 * value is heading and `mark` where a warning begins, all in the unit of `most`
 */
export function Meter({ value, most, forecast = null, mark = null, label }) {
  const whole = Math.max(most, value, 1e-12);
  const share = (/** @type {number} */ part) => `${Math.min(100, Math.max(0, (part / whole) * 100))}%`;
  const kind = value >= most ? "over" : mark !== null && value >= mark ? "near" : "fine";
  return html`
    <div class=${`meter meter-${kind}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${whole} aria-valuenow=${value}>
      ${forecast !== null && html`<i class="meter-forecast" style=${{ width: share(forecast) }}></i>`}
      <i class="meter-value" style=${{ width: share(value) }}></i>
      ${mark !== null && mark < whole && html`<i class="meter-mark" style=${{ left: share(mark) }}></i>`}
    </div>
  `;
}
