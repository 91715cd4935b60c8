// @ts-check
/** Seven seats around a table; the one that differs makes the Q. */
import { html } from "../lib/html.js";

const SEATS = Array.from({ length: 7 }, (_, index) => ((index * 360) / 7 - 90) * (Math.PI / 180));

export function Mark() {
  return html`
    <svg class="mark" viewBox="0 0 30 30" width="28" height="28" aria-hidden="true">
      ${SEATS.map((angle) => html`<circle cx=${14 + 9.6 * Math.cos(angle)} cy=${14 + 9.6 * Math.sin(angle)} r="2.6" />`)}
      <circle class="mark-other" cx="24.4" cy="24.6" r="3" />
    </svg>
  `;
}
