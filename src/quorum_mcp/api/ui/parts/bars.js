// @ts-check
/** Bars beside their names: each says its figure, so that nothing is told by length or colour alone. */
import { html } from "../lib/html.js";

/** @typedef {{name: string, value: number|null, shown: string}} Bar */
/** @typedef {{id: string, label: any, bars: Bar[], note?: string|null}} Group */

/** @param {{groups: Group[], label: string}} props a group's `note` stands instead of bars that have no value */
export function Bars({ groups, label }) {
  const most = Math.max(...groups.flatMap((group) => group.bars.map((bar) => bar.value ?? 0)), 1e-12);
  const names = [...new Set(groups.flatMap((group) => group.bars.map((bar) => bar.name)))];
  return html`
    ${names.length > 1 && html`<p class="bar-names" aria-hidden="true">
      ${names.map((name, index) => html`<span><i class=${`swatch series-${index + 1}`}></i>${name}</span>`)}
    </p>`}
    <ul class="bars" aria-label=${label}>
      ${groups.map((group) => html`
        <li key=${group.id}>
          <span class="bars-label"><bdi>${group.label}</bdi></span>
          <span class="bars-group">
            ${group.bars.every((bar) => bar.value === null)
              ? html`<span class="quiet">${group.note ?? "not enough data"}</span>`
              : group.bars.map((bar, index) => bar.value === null
                ? html`<span class="bar-line quiet">${bar.name} not enough data</span>`
                : html`<span class="bar-line">
                    <span class="bar-track"><i class=${`bar-fill series-${index + 1}`} style=${{ width: `${Math.max(0.4, (bar.value / most) * 100)}%` }}></i></span>
                    <span class="bar-figure"><span class=${names.length > 1 ? "bar-name" : "unseen"}>${bar.name}</span> ${bar.shown}</span>
                  </span>`)}
          </span>
        </li>
      `)}
    </ul>
  `;
}

/**
 * Upright bars in a row, one for each stretch of time, the last at the right.
 * @param {{columns: {id: string, value: number, shown: string, tick?: string}[], label: string}} props
 */
export function Columns({ columns, label }) {
  const most = Math.max(...columns.map((column) => column.value), 1e-12);
  return html`
    <ul class="columns" aria-label=${label}>
      ${columns.map((column) => html`
        <li key=${column.id} title=${`${column.id}: ${column.shown}`}>
          <span class="unseen">${column.id}: ${column.shown}</span>
          <i class="column-bar" aria-hidden="true" style=${{ height: `${column.value ? Math.max(2, (column.value / most) * 100) : 0}%` }}></i>
          <span class="column-tick" aria-hidden="true">${column.tick ?? ""}</span>
        </li>
      `)}
    </ul>
  `;
}
