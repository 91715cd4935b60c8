// @ts-check
/** API keys, the organisations that they belong to, and the providers' own keys that are kept here. */
import { html } from "../lib/html.js";
import { params, setParams } from "../lib/router.js";
import { Credentials } from "../parts/credentials.js";
import { KeyList } from "../parts/key-list.js";
import { Organizations } from "../parts/organizations.js";
import { PageFrame } from "../parts/page.js";
import { Tabs } from "../parts/tabs.js";

const TABS = [
  { id: "keys", title: "API keys", part: KeyList },
  { id: "organizations", title: "Organisations", part: Organizations },
  { id: "providers", title: "Providers’ keys", part: Credentials },
];

export function Page() {
  const tab = TABS.find((one) => one.id === params.value.get("tab")) ?? TABS[0];
  return html`
    <${PageFrame} title="Keys" lead="Who may use this server, and for what. A key’s scopes hide and refuse alike, here and everywhere else.">
      <${Tabs} label="Keys" tabs=${TABS} chosen=${tab.id} onChoose=${(/** @type {string} */ id) => setParams({ tab: id === "keys" ? null : id })}>
        <${tab.part} key=${tab.id} />
      <//>
    <//>
  `;
}
