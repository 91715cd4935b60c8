// @ts-check
/** The table from above: one dot a seat, so that a glance tells who stands where. */
import { html } from "../lib/html.js";

/**
 * `behind`: stands behind the answer; `other`: says something else; `open`: has not answered yet; `speaking`;
 * `answered`: has, and nobody can tell yet with whom; `failed`; `abstained`; `spared`: was not asked.
 * @typedef {{label: string, state: "behind"|"other"|"answered"|"open"|"speaking"|"failed"|"abstained"|"spared"}} Place
 */

const MIDDLE = 60;
const RADIUS = 50;
const SMALLEST = 3.5;
const LARGEST = 9;

/** @param {{seats: Place[], size?: string, big?: string, small?: string}} props `big` and `small` stand in the middle */
export function Ring({ seats, size = "large", big = "", small = "" }) {
  const dot = Math.max(SMALLEST, Math.min(LARGEST, (Math.PI * RADIUS * 0.62) / Math.max(seats.length, 1)));
  return html`
    <div class=${`ring ring-${size}`} aria-hidden="true">
      <svg viewBox="0 0 120 120">
        <circle class="ring-table" cx=${MIDDLE} cy=${MIDDLE} r=${RADIUS} />
        ${seats.map((seat, index) => {
          const angle = ((index * 360) / seats.length - 90) * (Math.PI / 180);
          return html`<${Dot} x=${MIDDLE + RADIUS * Math.cos(angle)} y=${MIDDLE + RADIUS * Math.sin(angle)}
            radius=${dot} state=${seat.state} />`;
        })}
      </svg>
      <div class="ring-middle">
        ${big && html`<span class="ring-big">${big}</span>`}
        ${small && html`<span class="ring-caption">${small}</span>`}
      </div>
    </div>
  `;
}

/** @param {{x: number, y: number, radius: number, state: string}} props */
function Dot({ x, y, radius, state }) {
  if (state !== "failed") return html`<circle class=${`dot-${state}`} cx=${x} cy=${y} r=${radius} />`;
  const arm = radius * 0.55;
  return html`
    <g class="dot-failed">
      <circle cx=${x} cy=${y} r=${radius} />
      <path d=${`M${x - arm} ${y - arm}L${x + arm} ${y + arm}M${x + arm} ${y - arm}L${x - arm} ${y + arm}`} />
    </g>
  `;
}
