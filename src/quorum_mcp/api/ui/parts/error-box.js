// @ts-check
/** An error: what happened, what to do, and the words to look for in the server's log; `alert` says it aloud. */
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";

/** @param {{alert?: boolean, error: {message: string, code?: string, hint?: string|null, requestId?: string|null, request_id?: string|null, details?: any}}} props */
export function ErrorBox({ error, alert = false }) {
  const request = error.requestId ?? error.request_id;
  const about = [error.code, error.details?.provider, error.details?.model, request].filter(Boolean);
  return html`
    <div class="error" role=${alert ? "alert" : undefined}>
      <${Icon} name="warning" />
      <div>
        <p class="error-message"><bdi>${error.message}</bdi></p>
        ${error.hint && html`<p class="error-hint">${error.hint}</p>`}
        ${about.length > 0 && html`<p class="error-about">${about.join(" · ")}</p>`}
      </div>
    </div>
  `;
}
