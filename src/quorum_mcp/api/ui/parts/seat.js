// @ts-check
/** One seat: what it says, live or finished, what it came to, or why it failed. */
import { may } from "../lib/access.js";
import { ApiError, post } from "../lib/api.js";
import { LONGEST } from "../lib/blocks.js";
import { ROLES, count, money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { sessionPath } from "../lib/router.js";
import { useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { ErrorBox } from "./error-box.js";
import { Icon } from "./icon.js";
import { Rich } from "./rich.js";
import { Sources } from "./sources.js";
import { StreamText } from "./stream-text.js";

/** @type {Record<string, string>} */
const STANDINGS = {
  open: "thinking",
  speaking: "answering",
  answered: "answered",
  behind: "behind the answer",
  other: "says otherwise",
  failed: "failed",
  abstained: "abstains",
  spared: "stopped",
};

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn, seat: import("../lib/run.js").Seat, standing: string, last: boolean}} props */
export function SeatPanel({ run, turn, seat, standing, last }) {
  const box = useRef(null);
  const calls = turn.of(seat.index);
  const name = `seat-${turn.number}-${seat.index}`;
  return html`
    <article class=${`seat seat-${standing}`} data-seat=${seat.index} aria-labelledby=${name}>
      <header class="seat-head">
        ${last && seat.index < 9 && html`<kbd title=${`Key ${seat.index + 1}`}>${seat.index + 1}</kbd>`}
        <h3 id=${name}><bdi>${seat.member}</bdi></h3>
        ${seat.simulated && html`<span class="tag">simulated</span>`}
        ${seat.builtin && html`<span class="tag">built-in solver</span>`}
        <span class="seat-standing">
          <span class=${`dot standing-${standing}`} aria-hidden="true"></span>${STANDINGS[standing]}
          <${StopSeat} run=${run} turn=${turn} seat=${seat} />
        </span>
      </header>
      <div class="seat-text" ref=${box} tabindex="0" role="region" aria-label=${`${seat.member} says`}>
        ${calls.map((call) => html`<${Said} key=${call.key} call=${call} many=${calls.length > 1} box=${box} over=${turn.ended.value !== null} />`)}
      </div>
      <${Foot} calls=${calls} />
    </article>
  `;
}

/** @param {{call: import("../lib/run.js").Call, many: boolean, box: any, over: boolean}} props */
function Said({ call, many, box, over }) {
  const reply = call.reply.value;
  return html`
    <section class="said">
      ${many && html`<h4>Round ${call.round} · ${ROLES[call.role] ?? call.role}</h4>`}
      ${!reply && call.first.value === null && html`<p class="thinking">${over ? "Stopped before the first word." : html`<span></span><span></span><span></span>`}</p>`}
      ${(!reply || (reply.status === "ok" && reply.text.length <= LONGEST)) &&
      html`<${StreamText} stream=${call.stream} scroller=${box} over=${Boolean(reply)} />`}
      ${reply?.status === "ok" && reply.text.length > LONGEST && html`<${Rich} text=${reply.text} />`}
      <${Sources} sources=${reply?.citations} label=${`Sources of ${call.member}`} />
      ${reply?.abstained && html`<p class="quiet">It abstains.</p>`}
      ${reply && reply.status !== "ok" && html`<${ErrorBox} error=${reply.error ?? { message: "the seat failed" }} />`}
      ${reply?.reasoning && html`<details class="reasoning"><summary>Its reasoning</summary><div class="stream" dir="auto">${reply.reasoning}</div></details>`}
    </section>
  `;
}

/** @param {{calls: import("../lib/run.js").Call[]}} props */
function Foot({ calls }) {
  const replies = calls.map((call) => call.reply.value).filter(Boolean);
  const last = replies[replies.length - 1];
  const tokens = replies.reduce((sum, reply) => sum + reply.output_tokens, 0);
  const known = replies.filter((reply) => reply.cost !== null);
  const cost = known.reduce((sum, reply) => sum + reply.cost, 0);
  const time = replies.reduce((sum, reply) => sum + reply.latency, 0);
  const concluded = last?.conclusion?.text;
  return html`
    <footer class="seat-foot">
      ${concluded ? html`<p class="seat-conclusion" title=${concluded}><span class="quiet">concludes</span> <bdi>${concluded}</bdi></p>` : html`<p></p>`}
      ${replies.length > 0 && html`<p class="seat-facts">${[seconds(time), tokens > 0 && count(tokens, "token"), tokens > 0 && money(known.length ? cost : null)].filter(Boolean).join(" · ")}</p>`}
    </footer>
  `;
}

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn, seat: import("../lib/run.js").Seat}} props */
function StopSeat({ run, turn, seat }) {
  const problem = useSignal("");
  const open = turn.of(seat.index).some((call) => call.reply.value === null);
  if (turn.ended.value !== null || !open || !may("ask")) return null;
  const stop = async () => {
    try {
      await post(`api${sessionPath(run.id)}/seats/${seat.index}/stop`);
    } catch (error) {
      if (error instanceof ApiError) problem.value = error.message;
    }
  };
  const label = problem.value || `Stop ${seat.member}`;
  return html`<button type="button" class="plain seat-stop" onClick=${stop} aria-label=${label} title=${label}><${Icon} name="cross" /></button>`;
}
