// @ts-check
/** One more question in the same session: the panel keeps what was said. */
import { ApiError, post } from "../lib/api.js";
import { tools } from "../lib/draft.js";
import { html } from "../lib/html.js";
import { onKey } from "../lib/shortcuts.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { signal, useSignal } from "../vendor/signals.js";
import { ErrorBox } from "./error-box.js";
import { Growing } from "./growing.js";
import { Icon } from "./icon.js";
import { SearchToggle } from "./search-toggle.js";

const text = signal("");

/** @param {{id: string, turn: import("../lib/run.js").Turn, onAsked: () => void}} props `turn` is the last one */
export function FollowUp({ id, turn, onAsked }) {
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const busy = useSignal(false);
  useEffect(() => onKey("/", () => field.current?.focus()), []);
  const ask = async () => {
    if (!text.value.trim() || busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      const panel = [...new Set(turn.seats.map((seat) => seat.model))];
      await post("api/query", { query: text.value, session_id: id, mode: turn.mode, panel, ...tools(), wait: false });
      text.value = "";
      onAsked();
    } catch (error) {
      if (error instanceof ApiError) problem.value = error;
    } finally {
      busy.value = false;
    }
  };
  return html`
    <form class="column card follow-up"
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          ask();
        }
      }}
      onSubmit=${(/** @type {Event} */ event) => {
        event.preventDefault();
        ask();
      }}>
      <div class="follow-up-head">
        <label for="follow-up">Ask on in this session</label>
        <${SearchToggle} />
      </div>
      <div class="follow-up-row">
        <${Growing} id="follow-up" field=${field} value=${text} rows="1" maxlength="50000" placeholder="And what follows from that?" />
        <button class="primary" aria-disabled=${!text.value.trim() || busy.value} aria-label="Ask"><${Icon} name="send" /></button>
      </div>
      ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
    </form>
  `;
}
