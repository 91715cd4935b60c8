// @ts-check
/** One question of a session: what is going on or what came out, the seats, and how it went. */
import { MODES, count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Answer } from "./answer.js";
import { ErrorBox } from "./error-box.js";
import { Notices } from "./notices.js";
import { Progress } from "./progress.js";
import { SessionTools } from "./session-tools.js";
import { Seats } from "./seats.js";
import { Timeline } from "./timeline.js";

const LONG = "question-long"; // scrolls by itself, so the keyboard has to get there

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn, last: boolean, onStop: () => void}} props */
export function TurnView({ run, turn, last, onStop }) {
  const ended = turn.ended.value;
  const shape = size(turn.query);
  return html`
    <article class="turn" aria-labelledby=${`question-${turn.number}`}>
      <header class="question column">
        <h1 id=${`question-${turn.number}`} class=${shape} dir="auto" tabindex=${shape === LONG ? 0 : undefined}>${turn.query}</h1>
        <div class="question-foot">
          <p class="quiet">${MODES[turn.mode] ?? turn.mode} · ${count(turn.seats.length, "seat")}</p>
          ${last && ended && html`<${SessionTools} id=${run.id} turn=${turn} />`}
        </div>
      </header>
      <div class="column">
        <${Notices} turn=${turn} />
        ${!ended && html`<${Progress} run=${run} turn=${turn} onStop=${onStop} />`}
        ${turn.result.value && html`<${Answer} id=${run.id} turn=${turn} />`}
        ${ended && ended.how !== "finished" && html`<${Ending} turn=${turn} how=${ended.how} />`}
      </div>
      <${Seats} run=${run} turn=${turn} last=${last} />
      ${ended &&
      html`
        <section class="column" aria-label="How it went">
          <h2>How it went</h2>
          <div class="card how"><${Timeline} run=${run} turn=${turn} /></div>
        </section>
      `}
    </article>
  `;
}

/** A turn that ended without an answer. @param {{turn: import("../lib/run.js").Turn, how: string}} props */
function Ending({ turn, how }) {
  if (how === "cancelled") {
    return html`<div class="card ending"><p>The run was stopped. What the seats had said until then is below.</p></div>`;
  }
  return html`<${ErrorBox} error=${turn.error.value ?? { message: "the run failed" }} />`;
}

/** @param {string} text */
function size(text) {
  return text.length < 90 ? "question-short" : text.length < 400 ? "question-middle" : LONG;
}
