// @ts-check
/** Where each seat stands, and the way to it on the page. */
import { announce } from "./announce.js";

/** @typedef {import("./run.js").Turn} Turn */
/** @typedef {import("../parts/ring.js").Place} Place */

/** The seats of a turn as the ring shows them. @param {Turn} turn @returns {Place[]} */
export function places(turn) {
  const groups = turn.result.value?.groups ?? turn.measured.value?.groups ?? [];
  const leading = new Set(groups[0]?.members ?? []);
  return turn.seats.map((seat) => {
    const calls = turn.of(seat.index);
    const answered = calls.find((call) => call.state === "ok");
    const open = calls.find((call) => call.state === "waiting" || call.state === "streaming");
    return { label: seat.member, state: state(turn, seat.member, { calls, answered, open, groups, leading }) };
  });
}

/** @param {Turn} turn @param {string} member @param {any} known @returns {Place["state"]} */
function state(turn, member, { calls, answered, open, groups, leading }) {
  const over = turn.ended.value !== null;
  if (open && !over) return open.state === "streaming" ? "speaking" : "open";
  if (!calls.length) return over ? "spared" : "open";
  if (!answered) return over && open ? "spared" : "failed";
  if (calls[calls.length - 1].reply.value?.abstained) return "abstained";
  if (!groups.some((/** @type {any} */ group) => group.members.includes(member))) return "answered";
  return leading.has(member) ? "behind" : "other";
}

/** How many seats were asked, have answered, and failed. @param {Turn} turn */
export function tally(turn) {
  const asked = turn.seats.filter((seat) => turn.of(seat.index).length > 0).length;
  const replies = turn.seats.map((seat) => turn.of(seat.index)[0]?.state);
  return {
    asked,
    answered: replies.filter((one) => one === "ok").length,
    failed: replies.filter((one) => one === "failed").length,
  };
}

/** Bring a seat of the last turn into view and put the keyboard there. @param {number} index from 0 */
export function toSeat(index) {
  const all = document.querySelectorAll(`.seat[data-seat="${index}"]`);
  const seat = all[all.length - 1];
  const body = seat?.querySelector(".seat-text");
  if (!(body instanceof HTMLElement)) return;
  body.focus({ preventScroll: true });
  seat.scrollIntoView({ block: "nearest" });
}

const DISAGREEMENTS = ".strip-other, .point-disputed > summary, .tag-stands, .dissent";

/** Open what the last answer says about disagreement, and put the keyboard there. */
export function toDisagreement() {
  const answers = document.querySelectorAll(".answer");
  const found = answers[answers.length - 1]?.querySelector(DISAGREEMENTS);
  if (!(found instanceof HTMLElement)) {
    announce(answers.length ? "Nobody disagrees" : "There is no answer yet");
    return;
  }
  if (found.getAttribute("aria-expanded") === "false") found.click();
  if (found.parentElement instanceof HTMLDetailsElement) found.parentElement.open = true;
  if (found.tabIndex < 0) found.tabIndex = -1;
  found.focus({ preventScroll: true });
  found.scrollIntoView({ block: "center" });
}
