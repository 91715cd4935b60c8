// @ts-check
/** Organisations: whoever has a key of one sees its records, and nobody else's. */
import { ApiError, post, remove } from "../lib/api.js";
import { ago, count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { useSignal } from "../vendor/signals.js";
import { Confirm } from "./confirm.js";
import { ErrorBox } from "./error-box.js";
import { Field } from "./field.js";
import { Empty, Shown } from "./states.js";
import { Table } from "./table.js";
import { toast } from "./toast.js";

/** @typedef {{id: string, name: string, keys: number, created_at: string}} Organization */

export function Organizations() {
  const list = useLoad("api/organizations");
  const deleting = useSignal(/** @type {Organization|null} */ (null));
  const drop = async () => {
    const one = /** @type {Organization} */ (deleting.value);
    await remove(`api/organizations/${encodeURIComponent(one.id)}?force=true`);
    toast(`${one.name} is deleted`);
    deleting.value = null;
    await list.reload();
  };
  return html`
    <div class="tab-page">
      <${NewOrganization} onMade=${list.reload} />
      <${Shown} of=${list}>${(/** @type {{organizations: Organization[]}} */ data) => html`
        <${Table} label="Organisations" rows=${data.organizations} id=${(/** @type {Organization} */ one) => one.id} size=${25}
          empty=${html`<${Empty} title="There is no organisation" icon="keys">Keys without one are the operator’s: they see everything that has none.<//>`}
          columns=${[
            { key: "name", title: "Name", wide: true, by: (/** @type {Organization} */ one) => one.name, show: (/** @type {Organization} */ one) => html`<bdi>${one.name}</bdi>` },
            { key: "keys", title: "Keys", number: true, by: (/** @type {Organization} */ one) => one.keys },
            { key: "created_at", title: "Made", number: true, by: (/** @type {Organization} */ one) => one.created_at, show: (/** @type {Organization} */ one) => ago(one.created_at) },
            { key: "act", title: "", show: (/** @type {Organization} */ one) => html`<button type="button" class="link" aria-label=${`Delete ${one.name}`} onClick=${() => {
              deleting.value = one;
            }}>Delete</button>` },
          ]} />
      `}<//>
      ${deleting.value && html`<${Confirm} title=${`Delete ${deleting.value.name}?`} action="Delete" onConfirm=${drop} onClose=${() => {
        deleting.value = null;
      }}>Its ${count(deleting.value.keys, "key")} stop working. Its records stay stored and are seen by nobody.<//>`}
    </div>
  `;
}

/** @param {{onMade: () => Promise<void>}} props */
function NewOrganization({ onMade }) {
  const name = useSignal("");
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("api/organizations", { name: name.value });
      toast(`${name.value} is made`);
      name.value = "";
      problem.value = null;
      await onMade();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error;
    }
  };
  return html`
    <form class="inline-form" onSubmit=${submit}>
      <${Field} id="organization-name" label="A new organisation" value=${name} required maxlength="200" />
      <button class="primary">Make it</button>
    </form>
    ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
  `;
}
