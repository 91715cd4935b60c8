// @ts-check
/** One operation: its form, its answer, and the same call in other words. */
import { ApiError, request } from "../lib/api.js";
import { me } from "../lib/access.js";
import { announce } from "../lib/announce.js";
import { copiesOf, requestOf } from "../lib/copies.js";
import { seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { fieldsOf, inputOf } from "../lib/schema.js";
import { useMemo } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Confirm } from "./confirm.js";
import { Copies } from "./copies.js";
import { ErrorBox } from "./error-box.js";
import { Card } from "./page.js";
import { SchemaField } from "./schema-field.js";
import { Shown } from "./states.js";

const MOST = 200_000; // characters of an answer that are shown
/** @type {Record<string, string>} */
const EFFECTS = { read: "changes nothing", spend: "costs money", write: "changes what is stored", destroy: "cannot be undone" };

/** @param {{name: string}} props */
export function OperationForm({ name }) {
  const card = useLoad(`api/operations/${encodeURIComponent(name)}`);
  return html`<div class="operation"><${Shown} of=${card}>${(/** @type {any} */ data) => html`<${Form} card=${data} />`}<//></div>`;
}

/** @typedef {{text: string, status: number, took: number}} Answered */

/** @param {{card: any}} props */
function Form({ card }) {
  const fields = useMemo(() => fieldsOf(card.input), [card]);
  const typed = useSignal(/** @type {Record<string, string|boolean>} */ ({}));
  const tried = useSignal(false);
  const asking = useSignal(false);
  const busy = useSignal(false);
  const answer = useSignal(/** @type {Answered|ApiError|null} */ (null));
  const { input, errors } = inputOf(fields, typed.value);
  const wrong = Object.keys(errors).length > 0;
  const run = async () => {
    asking.value = false;
    busy.value = true;
    answer.value = await carriedOut(card, input);
    busy.value = false;
    announce(answer.value instanceof ApiError ? "The operation was refused" : "The answer is there");
  };
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    tried.value = true;
    if (wrong || busy.value) return;
    if (card.effect === "destroy") asking.value = true;
    else run();
  };
  const copies = copiesOf(card, input, new URL("./", location.href).href.replace(/#.*$/, ""), me.value?.kind !== "local");
  return html`
    <${Card} title=${html`<code>${card.name}</code>`} note=${card.summary} actions=${html`<span class=${`effect effect-${card.effect}`}>${EFFECTS[card.effect]}</span>`}>
      <form class="form" novalidate onSubmit=${submit}>
        ${fields.length === 0 && html`<p class="quiet">It takes no input.</p>`}
        <div class="schema-fields">
          ${fields.map((field) => html`<${SchemaField} key=${field.name} field=${field} typed=${typed} error=${tried.value ? errors[field.name] : undefined} />`)}
        </div>
        <div class="buttons">
          ${!card.route && html`<p class="quiet">It has no REST route: call it over MCP or from the command line.</p>`}
          <button class="primary" disabled=${!card.route} aria-disabled=${busy.value}>${busy.value ? "Running …" : "Run"}</button>
        </div>
      </form>
    <//>
    ${answer.value && html`<${Result} answer=${answer.value} />`}
    <${Card} title="The same call"><${Copies} copies=${copies} /><//>
    ${asking.value && html`<${Confirm} title="Carry this out?" action="Carry it out" onConfirm=${run} onClose=${() => {
      asking.value = false;
    }}><code>${card.name}</code> cannot be undone.<//>`}
  `;
}

/** @param {any} card @param {Record<string, any>} input @returns {Promise<Answered|ApiError>} */
async function carriedOut(card, input) {
  const { path, body } = requestOf(card, input);
  const began = performance.now();
  const headers = body ? { "content-type": "application/json" } : undefined;
  try {
    const response = await request(path, { method: card.route.method, headers, body: body ? JSON.stringify(body) : undefined });
    const text = await response.text();
    return { text: pretty(text), status: response.status, took: (performance.now() - began) / 1000 };
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

/** @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** @param {{answer: Answered|ApiError}} props */
function Result({ answer }) {
  if (answer instanceof ApiError) return html`<${ErrorBox} error=${answer} />`;
  const cut = answer.text.length > MOST;
  return html`
    <${Card} title="The answer" note=${`${answer.status}, after ${seconds(answer.took)}`}>
      <pre class="code" tabindex="0" role="region" aria-label="The answer">${answer.text.slice(0, MOST)}</pre>
      ${cut && html`<p class="quiet">The rest is left out: ${(answer.text.length - MOST).toLocaleString("en")} characters.</p>`}
    <//>
  `;
}
