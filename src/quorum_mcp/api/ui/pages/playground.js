// @ts-check
/** The playground: a form for any operation, made of its schema, and the same call in other words. */
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { params } from "../lib/router.js";
import { OperationForm } from "../parts/operation-form.js";
import { OperationList } from "../parts/operation-list.js";
import { PageFrame } from "../parts/page.js";
import { Empty, Shown } from "../parts/states.js";

/** @typedef {{name: string, summary: string, effect: "read"|"spend"|"write"|"destroy", scopes: string[], surfaces: string[], route: {method: string, path: string}|null, tool: string|null}} Card */

export function Page() {
  const cards = useLoad("api/operations");
  const chosen = params.value.get("op");
  return html`
    <${PageFrame} title="Playground" lead="Try any operation. What you fill in is shown as curl, Python, command line and MCP as well, ready to copy.">
      <${Shown} of=${cards}>${(/** @type {{operations: Card[]}} */ data) => html`
        <div class="playground">
          <${OperationList} cards=${data.operations} chosen=${chosen} />
          ${chosen
            ? html`<${OperationForm} key=${chosen} name=${chosen} />`
            : html`<${Empty} title="Choose an operation" icon="playground">Those that your key does not allow are not listed.<//>`}
        </div>
      `}<//>
    <//>
  `;
}
