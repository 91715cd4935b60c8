// @ts-check
/** When each call was sent out, spoke its first word and ended: one lane a seat, one for judges and writers. */
import { ROLES, seconds, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @typedef {import("../lib/run.js").Call} Call */
/** @typedef {import("../lib/run.js").Turn} Turn */

const STEPS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600]; // seconds between two marks of the scale
const MARKS = 6;
const LANE = 20; // pixels, as css/timeline.css has it

/** @param {{run: import("../lib/run.js").Run, turn: Turn}} props */
export function Timeline({ run, turn }) {
  const end = turn.ended.value?.at ?? run.now.value;
  const whole = Math.max(end - turn.started, 100);
  const at = (/** @type {number} */ moment) => Math.min(100, Math.max(0, ((moment - turn.started) / whole) * 100));
  const step = STEPS.find((one) => whole / 1000 / one <= MARKS) ?? whole / 1000 / MARKS;
  const marks = Array.from({ length: Math.floor(whole / 1000 / step) + 1 }, (_, index) => index * step);
  return html`
    <div class="timeline">
      <ol class="lanes">
        <${Edges} turn=${turn} at=${at} />
        ${lanes(turn).map(({ name, calls }) => html`<${Lane} key=${name} name=${name} calls=${calls} at=${at} end=${end} />`)}
      </ol>
      <div class="scale" aria-hidden="true">
        ${turn.rounds.value.slice(1).map((round) => html`<i class="round-mark" style=${{ left: `${at(round.at)}%` }}></i>`)}
        ${marks.map((mark) => html`<span style=${{ left: `${(mark / (whole / 1000)) * 100}%` }}>${mark === 0 ? "0" : `${Number(mark.toFixed(2))} s`}</span>`)}
      </div>
    </div>
  `;
}

/** @param {Turn} turn @returns {{name: string, calls: Call[]}[]} */
function lanes(turn) {
  const seated = turn.seats.map((seat) => ({ name: seat.member, calls: turn.of(seat.index) }));
  const others = turn.calls.value.filter((call) => call.seat === null);
  const roles = [...new Set(others.map((call) => call.role))];
  return [
    ...seated,
    ...roles.map((role) => ({ name: ROLES[role] ?? role, calls: others.filter((call) => call.role === role) })),
  ];
}

/**
 * Who read whom: from each answer to every review of it. The words of the lanes say the same by their rounds.
 * @param {{turn: Turn, at: (moment: number) => number}} props
 */
function Edges({ turn, at }) {
  const edges = turn.seats.flatMap((seat) => turn.of(seat.index).filter((call) => call.round > 1).flatMap((call) => read(turn, call)));
  if (!edges.length) return null;
  return html`
    <li class="edges" aria-hidden="true">
      <svg viewBox=${`0 0 100 ${turn.seats.length}`} preserveAspectRatio="none" height=${turn.seats.length * LANE}>
        ${edges.map(([from, to]) => html`<path d=${curve(at(from.ended.value ?? 0), Number(from.seat), at(to.started), Number(to.seat))} />`)}
      </svg>
    </li>
  `;
}

/** The answers of other seats that a review was made of: the last of each that was there before. @param {Turn} turn @param {Call} review @returns {[Call, Call][]} */
function read(turn, review) {
  return turn.seats
    .filter((seat) => seat.index !== review.seat)
    .map((seat) => turn.of(seat.index).filter((call) => call.round < review.round && call.state === "ok").pop())
    .filter((call) => call !== undefined)
    .map((call) => [call, review]);
}

/** @param {number} x @param {number} lane @param {number} toX @param {number} toLane */
function curve(x, lane, toX, toLane) {
  const bend = Math.max(1, (toX - x) / 2);
  return `M${x} ${lane + 0.5}C${x + bend} ${lane + 0.5} ${toX - bend} ${toLane + 0.5} ${toX} ${toLane + 0.5}`;
}

/** @param {{name: string, calls: Call[], at: (moment: number) => number, end: number}} props */
function Lane({ name, calls, at, end }) {
  return html`
    <li class="lane">
      <span class="lane-name" title=${name}><bdi>${shortName(name)}</bdi></span>
      <span class="lane-track" aria-hidden="true">${calls.map((call) => html`<${Bar} call=${call} at=${at} end=${end} />`)}</span>
      <span class="unseen">${calls.length ? calls.map(words).join(", ") : "not asked"}</span>
    </li>
  `;
}

/** @param {{call: Call, at: (moment: number) => number, end: number}} props */
function Bar({ call, at, end }) {
  const from = at(call.started);
  const to = at(call.ended.value ?? end);
  const first = call.first.value === null ? (call.ended.value === null ? to : from) : at(call.first.value);
  const width = Math.max(to - from, 0.4);
  return html`
    <span class=${`bar bar-${call.state}`} style=${{ left: `${from}%`, width: `${width}%` }}>
      <i style=${{ width: `${Math.min(100, ((first - from) / width) * 100)}%` }}></i>
    </span>
  `;
}

/** @param {Call} call */
function words(call) {
  const first = call.first.value === null ? "" : `, first word after ${seconds((call.first.value - call.started) / 1000)}`;
  if (call.ended.value === null) return `${call.state}${first}`;
  return `${call.state === "ok" ? "finished" : "failed"} after ${seconds((call.ended.value - call.started) / 1000)}${first}`;
}
