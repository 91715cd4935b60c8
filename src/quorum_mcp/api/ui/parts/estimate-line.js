// @ts-check
/** Before asking: who will sit there, how many calls at most, what they may cost. */
import { context, estimate, estimated, mode, panel, question } from "../lib/draft.js";
import { count, money } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const PAUSE = 500; // milliseconds without a change before the server is asked

export function EstimateLine() {
  const problem = useSignal("");
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
  }, [mode.value, panel.value, size]);

  if (problem.value) return html`<p class="estimate estimate-problem">${problem.value}</p>`;
  if (!estimated.value) return html`<p class="estimate"> </p>`;
  const { seats, calls_at_most: calls, worst_case_usd: most } = estimated.value;
  const price = most === null ? "price unknown" : most === 0 ? "free" : `at most ${money(most)}`;
  return html`
    <div class="estimate">
      <p>${count(seats.length, "seat")}, at most ${count(calls, "call")}, ${price}</p>
      ${estimated.value.warnings.map((text) => html`<p class="estimate-warning">${text}</p>`)}
    </div>
  `;
}
