// @ts-check
/** Before asking: who will sit there, how many calls at most, what they may cost. */
import { context, estimate, estimated, mode, panel, question, searching } from "../lib/draft.js";
import { files } from "../lib/files.js";
import { left, loadLeft } from "../lib/left.js";
import { count, dollars, money } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const PAUSE = 500; // milliseconds without a change before the server is asked

export function EstimateLine() {
  const problem = useSignal("");
  useEffect(() => {
    loadLeft().catch(() => undefined); // the line does without it
  }, []);
  const size = Math.ceil((question.value.length + context.value.length) / 400); // not for every letter
  useEffect(() => {
    const control = new AbortController();
    const timer = setTimeout(async () => {
      try {
        estimated.value = await estimate(control.signal);
        problem.value = "";
      } catch (error) {
        if (control.signal.aborted) return;
        estimated.value = null;
        problem.value = /** @type {Error} */ (error).message;
      }
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [mode.value, panel.value, files.value, searching.value, size]);

  if (problem.value) return html`<p class="estimate estimate-problem">${problem.value}</p>`;
  if (!estimated.value) return html`<p class="estimate"> </p>`;
  const { seats, rounds, worst_case_usd: most, expected_usd: about } = estimated.value;
  const free = most === 0;
  const over = left.value !== null && about !== null && !free && about > left.value.usd;
  return html`
    <div class="estimate">
      <p>
        ${count(seats.length, "model")}, ${count(rounds, "round")},${" "}
        <strong>${about === null ? "price unknown" : free ? "free" : `about ${money(about)}`}</strong>
        ${most !== null && !free && html`<span class="quiet"> (at most ${money(most)})</span>`}
        ${left.value && !free && html`<span class=${over ? "estimate-problem" : ""}>, ${dollars(left.value.usd)} left ${left.value.when}</span>`}
      </p>
      ${estimated.value.warnings.map((text) => html`<p class="estimate-warning">${text}</p>`)}
    </div>
  `;
}
