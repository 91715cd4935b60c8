// @ts-check
/** Lines over time, drawn by uPlot on a canvas. Whoever cannot see it has the same figures in a table below. */
import { html } from "../lib/html.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import UPlot from "../vendor/uplot.js";

const HIGH = 240;

/**
 * @typedef {{name: string, values: (number|null)[], show: (value: number) => string}} Series
 * @param {{times: number[], series: Series[], label: string, when: (at: number) => string}} props `times` in seconds since 1970
 */
export function TimeChart({ times, series, label, when }) {
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  const at = useSignal(/** @type {number|null} */ (null));
  useEffect(() => {
    const box = place.current;
    if (!box) return undefined;
    /** @type {any} */
    let chart = null;
    const draw = () => {
      chart?.destroy();
      chart = new UPlot(options(box, series, when, at), [times, ...series.map((one) => one.values)], box);
    };
    draw();
    const resized = new ResizeObserver(() => chart?.setSize({ width: box.clientWidth, height: HIGH }));
    resized.observe(box);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    dark.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      themed.disconnect();
      dark.removeEventListener("change", draw);
      chart?.destroy();
    };
  }, [times, series]);
  const shown = at.value === null ? null : at.value;
  return html`
    <figure class="time-chart">
      <figcaption class="bar-names">
        ${series.map((one, index) => html`
          <span><i class=${`swatch series-${index + 1}`} aria-hidden="true"></i>${one.name}${shown !== null && html` <b>${figure(one, shown)}</b>`}</span>
        `)}
        <span class="time-chart-when">${shown === null ? "" : when(times[shown])}</span>
      </figcaption>
      <div ref=${place} role="img" aria-label=${label}></div>
    </figure>
  `;
}

/** @param {Series} series @param {number} at */
function figure(series, at) {
  const value = series.values[at];
  return value === null || value === undefined ? "–" : series.show(value);
}

/** @param {HTMLElement} box @param {Series[]} series @param {(at: number) => string} when @param {import("../vendor/signals.js").Signal<number|null>} at */
function options(box, series, when, at) {
  const soft = colour("quiet", "color");
  const grid = { stroke: colour("chart-line", "borderTopColor"), width: 1 };
  const axis = { stroke: soft, grid, ticks: { show: false }, font: `12px ${getComputedStyle(box).fontFamily}` };
  return {
    width: box.clientWidth,
    height: HIGH,
    padding: [12, 8, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { time: true }, y: { range: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, (most || 1) * 1.08] } },
    axes: [
      { ...axis, space: 90, size: 28, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(when) },
      { ...axis, size: 60, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((value) => (value === 0 ? "0" : series[0].show(value))) },
    ],
    series: [
      {},
      ...series.map((one, index) => ({
        label: one.name,
        stroke: colour(`swatch series-${index + 1}`, "backgroundColor"),
        width: 2,
        spanGaps: false,
        points: { size: 4 },
      })),
    ],
    hooks: {
      setCursor: [(/** @type {any} */ chart) => {
        at.value = chart.cursor.idx ?? null;
      }],
    },
  };
}

/** A colour of the style sheets as the canvas takes it. @param {string} kind a class @param {"color"|"backgroundColor"|"borderTopColor"} name */
function colour(kind, name) {
  const probe = document.createElement("i");
  probe.className = kind;
  document.body.append(probe);
  const found = getComputedStyle(probe)[name];
  probe.remove();
  return found;
}
