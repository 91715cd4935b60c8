// @ts-check
/** Whether the answer was right, said with one press: confidence learns from it. */
import { may } from "../lib/access.js";
import { ApiError, post } from "../lib/api.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { Icon } from "./icon.js";
import { toast } from "./toast.js";

/** @param {{id: string, turn: number}} props */
export function Thumbs({ id, turn }) {
  const given = useSignal(/** @type {number|null} */ (null));
  if (!may("ask")) return null;
  const give = async (/** @type {number} */ score) => {
    try {
      const stored = await post("api/feedback", { session_id: id, turn, score });
      given.value = score;
      toast(stored.learnt ? "Noted; confidence will learn from it" : "Noted");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, "warning");
    }
  };
  return html`
    <span class="thumbs" role="group" aria-label="Was the answer right?">
      <button type="button" class="plain" aria-label="Right" title="Right" aria-pressed=${given.value === 1} onClick=${() => give(1)}><${Icon} name="up_thumb" size=${18} /></button>
      <button type="button" class="plain" aria-label="Wrong" title="Wrong" aria-pressed=${given.value === 0} onClick=${() => give(0)}><${Icon} name="down_thumb" size=${18} /></button>
    </span>
  `;
}
