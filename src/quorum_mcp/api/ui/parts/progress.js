// @ts-check
/** A run that goes on: who has answered, for how long, what it cost so far, and the way to stop it. */
import { may } from "../lib/access.js";
import { ROLES, count, money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { places, tally } from "../lib/seats.js";
import { useRef } from "../vendor/preact-hooks.js";
import { Icon } from "./icon.js";
import { Ring } from "./ring.js";
import { StreamText } from "./stream-text.js";
import { Timeline } from "./timeline.js";

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn, onStop: () => void}} props */
export function Progress({ run, turn, onStop }) {
  const { asked, answered } = tally(turn);
  return html`
    <section class="card progress" aria-label="The run">
      <div class="progress-head">
        <${Ring} seats=${places(turn)} big=${`${answered}/${asked || turn.seats.length}`} small="answered" />
        <div class="progress-words">
          <p class="progress-now">${doing(turn)}</p>
          <p class="progress-facts">
            <${Elapsed} run=${run} turn=${turn} />
            <span>${money(turn.cost)} so far</span>
            <span>${count(turn.calls.value.length, "call")}</span>
          </p>
          ${may("ask") && html`<button type="button" class="stop" onClick=${onStop}><${Icon} name="stop" />Stop<kbd>Esc</kbd></button>`}
        </div>
      </div>
      <${Timeline} run=${run} turn=${turn} />
      <${Writing} turn=${turn} />
    </section>
  `;
}

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn}} props */
function Elapsed({ run, turn }) {
  const passed = Math.max(0, run.now.value - turn.started) / 1000;
  return html`<span class="elapsed">${passed < 1 ? "0 s" : seconds(Math.round(passed * 10) / 10)}</span>`;
}

/** The answer in prose, while it is written. @param {{turn: import("../lib/run.js").Turn}} props */
function Writing({ turn }) {
  const box = useRef(null);
  const call = turn.calls.value.find((one) => one.role === "synthesizer" && one.state === "streaming");
  if (!call) return null;
  return html`
    <div class="writing" ref=${box} tabindex="0" role="region" aria-label="The answer, being written">
      <${StreamText} stream=${call.stream} scroller=${box} />
    </div>
  `;
}

/** What is going on, in words. @param {import("../lib/run.js").Turn} turn */
function doing(turn) {
  const open = turn.calls.value.filter((call) => call.state === "waiting" || call.state === "streaming");
  const roles = new Set(open.map((call) => call.role));
  if (roles.has("synthesizer")) return "The answer is being written";
  if (roles.has("judge")) return "A judge groups what they said";
  const round = turn.rounds.value[turn.rounds.value.length - 1];
  if (!open.length) return turn.calls.value.length ? "Comparing the answers" : "Getting ready";
  if (!round || round.role === "answer") return "The seats answer, apart from each other";
  return `Round ${round.round}: ${(ROLES[round.role] ?? round.role).toLowerCase()}`;
}
