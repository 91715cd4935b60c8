// @ts-check
/** Where a session stands: a picture and a word, never a colour alone. */
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";

/** @type {Record<string, string>} */
const ICONS = { completed: "check", failed: "warning", cancelled: "stop", expired: "unclear" };
export const STATUSES = ["queued", "running", "completed", "failed", "cancelled", "expired"];

/** @param {string} status */
export function isOpen(status) {
  return status === "running" || status === "queued";
}

/** @param {{status: string, silent?: boolean}} props `silent`: only the picture is seen */
export function Status({ status, silent = false }) {
  return html`
    <span class=${`status status-${status}`}>
      ${isOpen(status) ? html`<span class="pulse" aria-hidden="true"></span>` : html`<${Icon} name=${ICONS[status] ?? "unclear"} size=${18} />`}
      <span class=${silent ? "unseen" : ""}>${status}</span>
    </span>
  `;
}
