// @ts-check
/** Providers' own keys, kept encrypted: set once, shown to nobody again. */
import { ApiError, post, remove } from "../lib/api.js";
import { ago } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { useSignal } from "../vendor/signals.js";
import { Confirm } from "./confirm.js";
import { ErrorBox } from "./error-box.js";
import { Field } from "./field.js";
import { Empty, Shown } from "./states.js";
import { Table } from "./table.js";
import { toast } from "./toast.js";

/** @typedef {{provider: string, hint: string, version: number, status: "used"|"unused"|"unreadable", updated_at: string}} Credential */

/** @type {Record<string, string>} */
const STATES = { used: "used", unused: "unused: the environment or quorum.yaml has one", unreadable: "its master key is gone" };

export function Credentials() {
  const list = useLoad("api/credentials");
  const deleting = useSignal(/** @type {Credential|null} */ (null));
  const drop = async () => {
    const one = /** @type {Credential} */ (deleting.value);
    await remove(`api/credentials/${encodeURIComponent(one.provider)}`);
    toast(`The key for ${one.provider} is removed`);
    deleting.value = null;
    await list.reload();
  };
  return html`
    <div class="tab-page">
      <${NewCredential} onKept=${list.reload} />
      <${Shown} of=${list}>${(/** @type {{credentials: Credential[]}} */ data) => html`
        <${Table} label="Providers’ keys" rows=${data.credentials} id=${(/** @type {Credential} */ one) => one.provider} size=${25}
          empty=${html`<${Empty} title="No provider’s key is kept here" icon="keys">Keys in the environment or in quorum.yaml need not be: they go before.<//>`}
          columns=${[
            { key: "provider", title: "Provider", by: (/** @type {Credential} */ one) => one.provider, show: (/** @type {Credential} */ one) => html`${one.provider} <code class="quiet">…${one.hint}</code>` },
            { key: "status", title: "State", wide: true, show: (/** @type {Credential} */ one) => STATES[one.status] },
            { key: "updated_at", title: "Set", number: true, show: (/** @type {Credential} */ one) => ago(one.updated_at) },
            { key: "act", title: "", show: (/** @type {Credential} */ one) => html`<button type="button" class="link" aria-label=${`Remove the key for ${one.provider}`} onClick=${() => {
              deleting.value = one;
            }}>Remove</button>` },
          ]} />
      `}<//>
      ${deleting.value && html`<${Confirm} title=${`Remove the key for ${deleting.value.provider}?`} action="Remove" onConfirm=${drop} onClose=${() => {
        deleting.value = null;
      }}>Its models cannot be asked any more, unless another key is set.<//>`}
    </div>
  `;
}

/** @param {{onKept: () => Promise<void>}} props */
function NewCredential({ onKept }) {
  const known = useLoad("api/providers").data?.providers ?? [];
  const provider = useSignal("");
  const value = useSignal("");
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const options = known.filter((/** @type {any} */ one) => one.kind === "remote").map((/** @type {any} */ one) => ({ value: one.name, label: one.title }));
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("api/credentials", { provider: provider.value, value: value.value });
      toast(`The key for ${provider.value} is kept`);
      value.value = "";
      problem.value = null;
      await onKept();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error;
    }
  };
  return html`
    <form class="inline-form" onSubmit=${submit}>
      <${Field} id="credential-provider" label="Provider" value=${provider} required options=${[{ value: "", label: "choose one" }, ...options]} />
      <${Field} id="credential-value" label="Its key" type="password" value=${value} required />
      <button class="primary">Keep it</button>
    </form>
    ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
  `;
}
