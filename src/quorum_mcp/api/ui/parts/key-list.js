// @ts-check
/** The API keys: whose, what for, how far, and since when nobody used them. */
import { get, remove } from "../lib/api.js";
import { ago, until } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Confirm } from "./confirm.js";
import { Icon } from "./icon.js";
import { KeyForm } from "./key-form.js";
import { Empty, Shown } from "./states.js";
import { Table } from "./table.js";
import { toast } from "./toast.js";

/**
 * @typedef {object} Key
 * @property {string} id @property {string} name @property {string} organization @property {string} hint @property {"active"|"expired"|"revoked"} status
 * @property {string[]} scopes @property {string[]|null} models @property {number|null} requests_per_minute @property {number|null} tokens_per_minute
 * @property {string} created_at @property {string|null} expires_at @property {string|null} last_used_at
 */

export function KeyList() {
  const first = useLoad("api/keys?limit=100");
  const organizations = useLoad("api/organizations");
  const later = useSignal(/** @type {{keys: Key[], next: string|null}} */ ({ keys: [], next: null }));
  const making = useSignal(false);
  const revoking = useSignal(/** @type {Key|null} */ (null));
  useEffect(() => {
    later.value = { keys: [], next: first.data?.next ?? null };
  }, [first.data]);
  const names = new Map((organizations.data?.organizations ?? []).map((/** @type {any} */ one) => [one.id, one.name]));
  const more = async () => {
    const page = await get(`api/keys?limit=100&cursor=${encodeURIComponent(later.value.next ?? "")}`);
    later.value = { keys: [...later.value.keys, ...page.keys], next: page.next };
  };
  const revoke = async () => {
    await remove(`api/keys/${encodeURIComponent(/** @type {Key} */ (revoking.value).id)}`);
    toast("The key is revoked");
    revoking.value = null;
    await first.reload();
  };
  const make = html`<button type="button" class="primary" onClick=${() => {
    making.value = true;
  }}><${Icon} name="plus" size=${18} />Make a key</button>`;
  return html`
    <div class="tab-page">
      <${Shown} of=${first}>${(/** @type {{keys: Key[]}} */ data) =>
        data.keys.length === 0
          ? html`<${Empty} title="There is no key yet" icon="keys">
              Everybody on this machine may use the server as it is. With the first key that ends for good: from then on everyone needs one.
            <//><p class="centered">${make}</p>`
          : html`
              <div class="tab-actions">${make}</div>
              <${Table} label="API keys" rows=${[...data.keys, ...later.value.keys]} id=${(/** @type {Key} */ key) => key.id} size=${25}
                columns=${columns(names, (key) => {
                  revoking.value = key;
                })} more=${later.value.next ? more : null} />
            `}<//>
      ${making.value && html`<${KeyForm} first=${first.data?.keys.length === 0} organizations=${organizations.data?.organizations ?? []} onMade=${first.reload} onClose=${() => {
        making.value = false;
      }} />`}
      ${revoking.value && html`<${Confirm} title="Revoke this key?" action="Revoke" onConfirm=${revoke} onClose=${() => {
        revoking.value = null;
      }}>Whoever uses <strong>${revoking.value.name}</strong> (…${revoking.value.hint}) is refused within two seconds. It cannot be taken back.<//>`}
    </div>
  `;
}

/** @param {Map<string, string>} names of organisations @param {(key: Key) => void} onRevoke */
function columns(names, onRevoke) {
  return [
    { key: "name", title: "Name", by: (/** @type {Key} */ key) => key.name, show: (/** @type {Key} */ key) => html`<bdi>${key.name}</bdi> <code class="quiet">…${key.hint}</code>` },
    { key: "status", title: "State", by: (/** @type {Key} */ key) => key.status, show: (/** @type {Key} */ key) => html`<span class=${`key-state key-${key.status}`}>${key.status}</span>` },
    { key: "organization", title: "Organisation", by: (/** @type {Key} */ key) => key.organization, show: (/** @type {Key} */ key) => html`<bdi>${key.organization === "local" ? "the operator’s" : (names.get(key.organization) ?? key.organization)}</bdi>` },
    { key: "scopes", title: "Scopes", show: (/** @type {Key} */ key) => key.scopes.join(", ") },
    { key: "models", title: "May ask", wide: true, show: (/** @type {Key} */ key) => html`<bdi>${limits(key)}</bdi>` },
    { key: "last_used_at", title: "Used", number: true, by: (/** @type {Key} */ key) => key.last_used_at, show: (/** @type {Key} */ key) => (key.last_used_at ? ago(key.last_used_at) : "never") },
    { key: "expires_at", title: "Ends", number: true, by: (/** @type {Key} */ key) => key.expires_at, show: (/** @type {Key} */ key) => (key.expires_at ? (key.status === "active" ? until(key.expires_at) : ago(key.expires_at)) : "never") },
    { key: "act", title: "", show: (/** @type {Key} */ key) => key.status === "active" && html`<button type="button" class="link" aria-label=${`Revoke ${key.name}`} onClick=${() => onRevoke(key)}>Revoke</button>` },
  ];
}

/** @param {Key} key */
function limits({ models, requests_per_minute: requests, tokens_per_minute: tokens }) {
  const rates = [requests && `${requests.toLocaleString("en")} calls/min`, tokens && `${tokens.toLocaleString("en")} tokens/min`].filter(Boolean);
  return [models ? models.join(", ") : "every model", ...rates].join(" · ");
}
