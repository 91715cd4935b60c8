// @ts-check
/** One call: its figures, its way through the pipeline, and each request that left. */
import { money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { sessionPath } from "../lib/router.js";
import { ErrorBox } from "./error-box.js";
import { Icon } from "./icon.js";
import { Shown } from "./states.js";
import { Waterfall } from "./waterfall.js";

/** @typedef {{n: number, provider: string, model: string, status: string, error: string|null, began: number, latency: number|null, input_tokens: number, output_tokens: number, estimated: boolean, cost: number|null}} Try */

/** @param {{id: string, onClose: () => void}} props */
export function CallDetails({ id, onClose }) {
  const call = useLoad(`api/calls/${encodeURIComponent(id)}`);
  return html`
    <aside class="card panel-card call-details" aria-label="The call">
      <header class="card-head">
        <div><h2>${call.data ? html`<bdi>${call.data.provider}/${call.data.model}</bdi>` : "The call"}</h2><p class="quiet card-note"><code>${id}</code></p></div>
        <button type="button" class="plain" aria-label="Close the call" onClick=${onClose}><${Icon} name="cross" /></button>
      </header>
      <${Shown} of=${call}>${(/** @type {any} */ data) => html`
        ${data.error && html`<${ErrorBox} error=${data.error} />`}
        <${Facts} call=${data} />
        <h3 class="card-sub">Through the pipeline</h3>
        <${Waterfall} stages=${data.stages} whole=${data.latency ?? 0} firstToken=${data.first_token} />
        ${data.tries.length > 0 && html`<h3 class="card-sub">What was sent</h3><${Tries} tries=${data.tries} />`}
        ${data.session_id && html`<p><a href=${`#${sessionPath(data.session_id)}`}>Its session</a></p>`}
      `}<//>
    </aside>
  `;
}

/** @param {{call: any}} props */
function Facts({ call }) {
  const time = (/** @type {number|null} */ value) => (value === null ? "–" : seconds(value));
  const facts = [
    ["Took", time(call.latency)],
    ["First token", time(call.first_token)],
    ["Tokens", `${call.input_tokens.toLocaleString("en")} in, ${call.output_tokens.toLocaleString("en")} out${call.estimated ? " (estimated)" : ""}`],
    ["Cost", call.cost === null ? "no price is known" : `${money(call.cost)}${call.price_source ? ` (${call.price_source})` : ""}`],
    ["For", `${call.role}, by ${call.surface}`],
    ["Began", new Date(call.created_at).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" })],
    ["Ended", call.stop ?? call.status],
    ["Tags", call.tags.join(", ") || "none"],
  ];
  return html`<dl class="fact-list fact-two">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd><bdi>${value}</bdi></dd></div>`)}</dl>`;
}

/** @param {{tries: Try[]}} props */
function Tries({ tries }) {
  return html`
    <ol class="tries">
      ${tries.map((one) => html`
        <li key=${one.n}>
          <span><bdi>${one.provider}/${one.model}</bdi></span>
          <span class=${one.status === "ok" ? "" : "field-error"}>${one.error ?? one.status}</span>
          <span class="quiet">${one.latency === null ? "its end is not known" : seconds(one.latency)} · ${one.cost === null ? "no price" : money(one.cost)}</span>
        </li>
      `)}
    </ol>
  `;
}
