// @ts-check
/** The calls of models, one a row, by filters that the address keeps; one of them opened beside. */
import { get } from "../lib/api.js";
import { ago, count, money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { href, params, setParams } from "../lib/router.js";
import { CallDetails } from "../parts/call-details.js";
import { CallFilters, FILTERS } from "../parts/call-filters.js";
import { Icon } from "../parts/icon.js";
import { PageFrame } from "../parts/page.js";
import { Empty, Shown } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const SIZE = 100; // calls fetched at once
/** @type {Record<string, string>} */
const GLYPHS = { ok: "check", error: "cross", cancelled: "stop", unknown: "unclear" };

/**
 * @typedef {object} Call
 * @property {string} id @property {string|null} session_id @property {string} provider @property {string} model @property {string} role @property {string} surface
 * @property {string} status @property {{code: string, message: string}|null} error @property {number} input_tokens @property {number} output_tokens
 * @property {boolean} estimated @property {number|null} cost @property {number|null} latency @property {number} attempts @property {boolean} simulated
 * @property {string[]} tags @property {string} created_at
 */

export function Page() {
  const filters = FILTERS.map((name) => [name, params.value.get(name) ?? ""]).filter(([, value]) => value);
  const query = new URLSearchParams(filters).toString();
  const address = `api/calls?limit=${SIZE}${query && `&${query}`}`;
  const first = useLoad(address);
  const later = useSignal(/** @type {{calls: Call[], next: string|null}} */ ({ calls: [], next: null }));
  useEffect(() => {
    later.value = { calls: [], next: first.data?.next ?? null };
  }, [first.data]);
  const opened = params.value.get("call");
  const more = async () => {
    const page = await get(`${address}&cursor=${encodeURIComponent(later.value.next ?? "")}`);
    later.value = { calls: [...later.value.calls, ...page.calls], next: page.next };
  };
  const close = () => setParams({ call: null });
  const again = html`<button type="button" onClick=${first.reload}><${Icon} name="again" size=${18} />Look again</button>`;
  return html`
    <${PageFrame} title="Calls" actions=${again}
      lead="One row for each call of a model. Open one to see its way through the pipeline: what each stage decided, and how long it took.">
      <${CallFilters} />
      <div class=${opened ? "beside" : ""}>
        <div class="beside-list">
          <${Shown} of=${first}>${(/** @type {{calls: Call[]}} */ data) => html`
            <${Table} label="Calls" rows=${[...data.calls, ...later.value.calls]} id=${(/** @type {Call} */ call) => call.id} opened=${opened} size=${SIZE / 2}
              columns=${opened ? COLUMNS.filter((column) => !column.spare) : COLUMNS} onClose=${close} more=${later.value.next ? more : null}
              onOpen=${(/** @type {Call} */ call) => setParams({ call: call.id })} empty=${html`<${Nothing} filtered=${filters.length > 0} />`} />
          `}<//>
        </div>
        ${opened && html`<${CallDetails} key=${opened} id=${opened} onClose=${close} />`}
      </div>
    <//>
  `;
}

/** @param {{filtered: boolean}} props */
function Nothing({ filtered }) {
  if (filtered) return html`<${Empty} title="No call is like that" icon="calls"><a href=${href("/calls")}>Take the filters away</a> to see all of them.<//>`;
  return html`<${Empty} title="No model was called yet" icon="calls"><a href="#/">Ask a question</a>, and its calls are listed here.<//>`;
}

const COLUMNS = [
  {
    key: "model",
    title: "Model",
    wide: true,
    show: (/** @type {Call} */ call) => html`<bdi>${call.provider}/${call.model}</bdi>${call.simulated && html` <span class="tag">simulated</span>`}`,
  },
  {
    key: "status",
    title: "State",
    show: (/** @type {Call} */ call) => html`<span class=${`call-state call-${call.status}`}><${Icon} name=${GLYPHS[call.status] ?? "unclear"} size=${16} />${call.error?.code ?? call.status}</span>`,
  },
  { key: "role", title: "For", spare: true, show: (/** @type {Call} */ call) => call.role },
  { key: "tokens", title: "Tokens", number: true, spare: true, show: (/** @type {Call} */ call) => `${call.input_tokens.toLocaleString("en")} → ${call.output_tokens.toLocaleString("en")}` },
  { key: "attempts", title: "Sent", number: true, spare: true, show: (/** @type {Call} */ call) => (call.attempts === 0 ? "never" : count(call.attempts, "time")) },
  { key: "cost", title: "Cost", number: true, show: (/** @type {Call} */ call) => (call.cost === null ? "unknown" : money(call.cost)) },
  { key: "latency", title: "Took", number: true, show: (/** @type {Call} */ call) => (call.latency === null ? "–" : seconds(call.latency)) },
  { key: "created_at", title: "When", number: true, show: (/** @type {Call} */ call) => html`<time datetime=${call.created_at} title=${call.created_at}>${ago(call.created_at)}</time>` },
];
