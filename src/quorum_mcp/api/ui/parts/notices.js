// @ts-check
/** What a reader must know before reading on: simulated, built-in, degraded, warnings. */
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";

/** @param {{turn: import("../lib/run.js").Turn}} props */
export function Notices({ turn }) {
  const result = turn.result.value;
  const simulated = result?.simulated || turn.simulated;
  const builtin = turn.seats.filter((seat) => seat.builtin).map((seat) => seat.member);
  const warnings = (result?.warnings ?? turn.warnings).filter((/** @type {string} */ text) => !text.startsWith("simulated:"));
  const failed = turn.calls.value.filter((call) => call.state === "failed");
  return html`
    ${simulated &&
    html`<${Notice} kind="simulated" title="Simulated">
      Seats named sim/… are scripted, no language models. What they say is made up.
    <//>`}
    ${builtin.length > 0 &&
    html`<${Notice} kind="builtin" title="Built-in solvers">
      ${builtin.join(", ")} ${builtin.length === 1 ? "computes" : "compute"} or quote by rule; they are no language models.
    <//>`}
    ${result?.degraded &&
    html`<${Notice} kind="degraded" title="Degraded">
      Not everything worked as planned${failed.length ? `: ${failed.map(why).join("; ")}` : ""}.
    <//>`}
    ${warnings.length > 0 &&
    html`<${Notice} kind="warning" title=${warnings.length === 1 ? "Note" : "Notes"}>
      ${warnings.length === 1 ? warnings[0] : html`<ul>${warnings.map((/** @type {string} */ text) => html`<li>${text}</li>`)}</ul>`}
    <//>`}
  `;
}

/** @param {import("../lib/run.js").Call} call */
function why(call) {
  return `${call.member} failed (${call.reply.value?.error?.message ?? "no reason given"})`;
}

/** @param {{kind: string, title: string, children?: any}} props */
function Notice({ kind, title, children }) {
  return html`
    <div class=${`notice notice-${kind}`}>
      <${Icon} name=${kind === "simulated" || kind === "builtin" ? "help" : "warning"} />
      <div><strong>${title}.</strong> ${children}</div>
    </div>
  `;
}
