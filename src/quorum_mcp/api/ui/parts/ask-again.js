// @ts-check
/** The same question once more, with another panel or mode, in a session of its own that can be compared with this one. */
import { ApiError, post } from "../lib/api.js";
import { loadProviders, providers } from "../lib/draft.js";
import { html } from "../lib/html.js";
import { go, href, sessionPath } from "../lib/router.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./error-box.js";
import { ModeChoice } from "./mode-choice.js";
import { PanelChoice } from "./panel-choice.js";

/** @param {{id: string, turn: import("../lib/run.js").Turn, onClose: () => void}} props */
export function AskAgain({ id, turn, onClose }) {
  const mode = useSignal(turn.mode);
  const panel = useSignal([...new Set(turn.seats.map((seat) => seat.model))]);
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const busy = useSignal(false);
  useEffect(() => {
    if (providers.value === null) loadProviders().catch(() => undefined); // names can be typed
  }, []);
  const ask = async () => {
    busy.value = true;
    try {
      const body = { mode: mode.value, ...(panel.value.length ? { panel: panel.value } : {}), wait: false };
      const answer = await post(`api${sessionPath(id)}/rerun`, body);
      onClose();
      go(href(sessionPath(answer.session_id), { before: id }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error;
      busy.value = false;
    }
  };
  return html`
    <${Dialog} title="Ask again" wide onClose=${onClose}>
      <div class="form">
        <p class="quiet">The question goes to this panel in a session of its own, which you can lay beside this one.</p>
        <${ModeChoice} value=${mode} name="mode-again" />
        <${PanelChoice} value=${panel} id="panel-again" />
        ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
        <div class="buttons">
          <button type="button" class="primary" disabled=${busy.value} onClick=${ask}>Ask again</button>
        </div>
      </div>
    <//>
  `;
}
