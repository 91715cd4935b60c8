// @ts-check
/** The last sessions. */
import { get } from "../lib/api.js";
import { MODES, ago, count, money } from "../lib/format.js";
import { html } from "../lib/html.js";
import { sessionPath } from "../lib/router.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { ErrorBox } from "./error-box.js";
import { Status, isOpen } from "./status.js";

const SHOWN = 6;
const AGAIN = 4000; // milliseconds between two looks at the list while something in it is running

/** @typedef {{session_id: string, status: string, mode: string, title: string, turns: number, calls: number, total_cost: number, simulated: boolean, created_at: string}} Line */

export function Recent() {
  const lines = useSignal(/** @type {Line[]|null} */ (null));
  const more = useSignal(false);
  const problem = useSignal(/** @type {any} */ (null));
  const load = async () => {
    try {
      const page = await get(`api/sessions?limit=${SHOWN}`);
      lines.value = page.sessions;
      more.value = page.next !== null;
      problem.value = null;
    } catch (error) {
      problem.value = error;
    }
  };
  const running = (lines.value ?? []).some((line) => isOpen(line.status));
  useEffect(() => {
    load();
  }, []);
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => !document.hidden && load(), AGAIN);
    return () => clearInterval(timer);
  }, [running]);

  return html`
    <section class="recent" aria-labelledby="recent-title">
      <h2 id="recent-title">Last sessions</h2>
      ${problem.value && html`<${ErrorBox} error=${problem.value} />`}
      ${lines.value === null && !problem.value && html`<p class="quiet">Loading …</p>`}
      ${lines.value?.length === 0 && html`<p class="quiet">None yet. Whatever you ask will stay here.</p>`}
      <ul class="sessions">
        ${(lines.value ?? []).map((line) => html`<${Row} key=${line.session_id} line=${line} />`)}
      </ul>
      ${more.value && html`<p class="recent-all"><a href="#/sessions">All sessions</a></p>`}
    </section>
  `;
}

/** @param {{line: Line}} props */
function Row({ line }) {
  const facts = [
    MODES[line.mode] ?? line.mode,
    line.turns > 1 && count(line.turns, "question"),
    count(line.calls, "call"),
    line.total_cost > 0 && money(line.total_cost),
    line.simulated && "simulated",
  ].filter(Boolean);
  return html`
    <li>
      <a class="session" href=${`#${sessionPath(line.session_id)}`}>
        <${Status} status=${line.status} silent />
        <span class="session-title"><bdi>${line.title}</bdi></span>
        <span class="session-facts">${isOpen(line.status) ? "running · " : ""}${facts.join(" · ")}</span>
        <time class="session-time" datetime=${line.created_at}>${ago(line.created_at)}</time>
      </a>
    </li>
  `;
}
