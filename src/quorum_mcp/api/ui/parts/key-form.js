// @ts-check
/** Making an API key, which is shown this once. */
import { logIn, me } from "../lib/access.js";
import { ApiError, post } from "../lib/api.js";
import { html } from "../lib/html.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { CopyButton } from "./copy-button.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./error-box.js";
import { Field } from "./field.js";

const SCOPES = [
  { id: "ask", does: "ask models" },
  { id: "read", does: "read sessions, calls and figures" },
  { id: "write", does: "change what others see" },
  { id: "admin", does: "manage keys, budgets and settings" },
];

/** @param {{first: boolean, organizations: {id: string, name: string}[], onMade: () => Promise<void>, onClose: () => void}} props `first`: there is none yet */
export function KeyForm({ first, organizations, onMade, onClose }) {
  const made = useSignal(/** @type {any} */ (null));
  const close = () => {
    onClose();
    if (made.value) onMade();
  };
  return html`
    <${Dialog} title=${made.value ? "The key, this once" : "Make a key"} onClose=${close} wide>
      ${made.value
        ? html`<${Made} made=${made.value} first=${first} onClose=${close} />`
        : html`<${Form} first=${first} organizations=${organizations} onClose=${onClose} onMade=${(/** @type {any} */ key) => {
            made.value = key;
          }} />`}
    <//>
  `;
}

/** @param {{first: boolean, organizations: {id: string, name: string}[], onMade: (made: any) => void, onClose: () => void}} props */
function Form({ first, organizations, onMade, onClose }) {
  const name = useSignal("");
  const organization = useSignal("");
  const scopes = useSignal(first ? SCOPES.map((one) => one.id) : ["ask", "read"]);
  const models = useSignal("");
  const requests = useSignal("");
  const tokens = useSignal("");
  const days = useSignal("");
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const busy = useSignal(false);
  const amount = (/** @type {string} */ text) => (text.trim() ? Number(text.replace(",", ".")) : null);
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    busy.value = true;
    const listed = models.value.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);
    try {
      const key = await post("api/keys", {
        name: name.value,
        organization: organization.value || null,
        scopes: scopes.value,
        models: listed.length ? listed : null,
        requests_per_minute: amount(requests.value),
        tokens_per_minute: amount(tokens.value),
        expires_in_days: amount(days.value),
      });
      if (me.value?.kind === "local") await logIn(key.key); // nobody gets in without a key any more, this page neither
      onMade(key);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error;
    } finally {
      busy.value = false;
    }
  };
  const whose = [{ value: "", label: "The operator’s" }, ...organizations.map((one) => ({ value: one.id, label: one.name }))];
  return html`
    <form class="form" onSubmit=${submit}>
      ${first && html`<p class="notice notice-warning">With the first key everyone needs one, on this machine too, and that cannot be taken back. This browser goes on with the key you make: leave it all scopes.</p>`}
      <${Field} id="key-name" label="What it is for" value=${name} required maxlength="200" autofocus />
      <${Field} id="key-organization" label="Organisation" value=${organization} options=${whose} />
      <${Scopes} chosen=${scopes} />
      <${Field} id="key-models" label="Only these models" value=${models} rows=${2} placeholder="all" help="provider/model, one on each line; * stands for anything, as in openai/*." />
      <div class="form-row">
        <${Field} id="key-requests" label="Calls a minute" value=${requests} inputmode="numeric" placeholder="no limit" />
        <${Field} id="key-tokens" label="Tokens a minute" value=${tokens} inputmode="numeric" placeholder="no limit" />
        <${Field} id="key-days" label="Ends in days" value=${days} inputmode="decimal" placeholder="never" />
      </div>
      ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
      <div class="buttons">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button class="primary" disabled=${busy.value}>Make the key</button>
      </div>
    </form>
  `;
}

/** @param {{chosen: import("../vendor/signals.js").Signal<string[]>}} props */
function Scopes({ chosen }) {
  return html`
    <fieldset class="scopes">
      <legend>It may</legend>
      ${SCOPES.map(({ id, does }) => html`
        <label class="check">
          <input type="checkbox" name="scope" value=${id} checked=${chosen.value.includes(id)} onChange=${(/** @type {any} */ event) => {
            chosen.value = SCOPES.map((one) => one.id).filter((one) => (one === id ? event.currentTarget.checked : chosen.value.includes(one)));
          }} />
          <span><code>${id}</code> ${does}</span>
        </label>
      `)}
    </fieldset>
  `;
}

/** @param {{made: any, first: boolean, onClose: () => void}} props */
function Made({ made, first, onClose }) {
  const field = useRef(/** @type {HTMLInputElement|null} */ (null));
  useEffect(() => field.current?.focus(), []);
  return html`
    <div class="form">
      <p>Keep it now: nobody can show <strong><bdi>${made.name}</bdi></strong> again, not even this server.</p>
      <label class="unseen" for="made-key">The key</label>
      <input id="made-key" class="mono" type="text" readonly ref=${field} value=${made.key} onFocus=${(/** @type {any} */ event) => event.currentTarget.select()} />
      ${first && html`<p class="quiet">This browser is logged in with it.</p>`}
      <div class="buttons">
        <${CopyButton} text=${made.key} label="Copy the key" />
        <button type="button" class="primary" onClick=${onClose}>I have kept it</button>
      </div>
    </div>
  `;
}
