// @ts-check
/** One session: running, it is taken up where it stands; ended, it is read from its events. */
import { may } from "../lib/access.js";
import { ApiError, post } from "../lib/api.js";
import { follow } from "../lib/events.js";
import { loadFirstWords } from "../lib/first-words.js";
import { html } from "../lib/html.js";
import { Run } from "../lib/run.js";
import { sessionPath } from "../lib/router.js";
import { toDisagreement, toSeat } from "../lib/seats.js";
import { onKey } from "../lib/shortcuts.js";
import { ErrorBox } from "../parts/error-box.js";
import { FollowUp } from "../parts/follow-up.js";
import { TurnView } from "../parts/turn.js";
import { useEffect, useMemo } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const TICK = 200; // milliseconds between two strokes of the clock that running bars are drawn by

/** @param {{caught: string[]}} props */
export function Page({ caught: [id] }) {
  const run = useMemo(() => new Run(id), [id]);
  const state = useSignal(/** @type {import("../lib/events.js").Connection} */ ("connecting"));
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const attached = useSignal(0);

  useEffect(() => attach(run, state, problem), [run, attached.value]);
  useEffect(() => {
    const timer = setInterval(() => run.running && run.tick(), TICK);
    return () => clearInterval(timer);
  }, [run]);
  useEffect(() => onKey("Escape", () => stop(run, problem)), [run]);
  useEffect(() => onKey("d", toDisagreement), [run]);
  useEffect(() => onKey("seat", (event) => toSeat(Number(event.key) - 1)), [run]);

  const turns = run.turns.value;
  useEffect(() => {
    document.title = turns[0] ? `${turns[0].query.slice(0, 60)} · Quorum` : "Quorum";
  }, [turns[0]]);

  if (problem.value && !turns.length) {
    return html`<div class="column empty">
      <h1>This session cannot be shown</h1>
      <${ErrorBox} error=${problem.value} />
      <p><a href="#/">Ask a question</a></p>
    </div>`;
  }
  if (!turns.length) return html`<div class="column empty"><p class="quiet">Loading the session …</p></div>`;
  return html`
    ${state.value === "reconnecting" && html`<p class="connection" role="alert">The connection broke. Trying again …</p>`}
    ${turns.map(
      (turn, index) => html`
        <${TurnView} key=${turn.number} run=${run} turn=${turn} last=${index === turns.length - 1}
          onStop=${() => stop(run, problem)} />
      `,
    )}
    ${problem.value && html`<div class="column"><${ErrorBox} error=${problem.value} /></div>`}
    ${!run.running && may("ask") && html`<${FollowUp} id=${id} turn=${turns[turns.length - 1]} onAsked=${() => attached.value++} />`}
  `;
}

/** Follow the run from what is known of it. @param {Run} run @param {any} state @param {any} problem */
function attach(run, state, problem) {
  const control = new AbortController();
  follow(run.id, {
    after: run.seq,
    signal: control.signal,
    onEvents: (events) => run.apply(events),
    onState: (now) => {
      state.value = now;
    },
  })
    .then(() => loadFirstWords(run))
    .catch((error) => {
      problem.value = error;
    });
  return () => control.abort();
}

/** @param {Run} run @param {any} problem */
async function stop(run, problem) {
  if (!run.running) return;
  try {
    await post(`api${sessionPath(run.id)}/cancel`);
  } catch (error) {
    if (error instanceof ApiError) problem.value = error;
  }
}
