// @ts-check
/** The page that the address names: its module is loaded, and what can go wrong with that is said. */
import { asked, me } from "../lib/access.js";
import { html } from "../lib/html.js";
import { path } from "../lib/router.js";
import { style } from "../lib/styles.js";
import { find } from "../pages/index.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Empty, Failed, Loading } from "./states.js";

/** @typedef {import("../pages/index.js").Entry} Entry */

/** Pages that were opened already are shown at once. @type {Map<Entry, any>} */
const opened = new Map();

export function PageView() {
  const found = find(path.value);
  if (!found) {
    return html`<${Empty} title="There is no such page" level=${1}><a href="#/">Ask a question</a> instead.<//>`;
  }
  const { entry, caught } = found;
  if (!asked.value) {
    prepare(entry).catch(() => undefined); // it is tried again, and told, when the page is opened
    return html`<${Loading} />`;
  }
  if (entry.needs && me.value && !me.value.scopes.includes(entry.needs)) {
    return html`<${Empty} title="Your key may not open this page" level=${1}>
      It needs the scope <code>${entry.needs}</code>. Log in with a key that has it.
    <//>`;
  }
  return html`<${Opening} key=${path.value} entry=${entry} caught=${caught} />`;
}

/** Load what the page consists of. @param {Entry} entry */
async function prepare(entry) {
  const [module] = await Promise.all([entry.load(), style(entry.styles)]);
  opened.set(entry, module.Page);
}

/** @param {{entry: Entry, caught: string[]}} props */
function Opening({ entry, caught }) {
  const ready = useSignal(opened.has(entry));
  const problem = useSignal(/** @type {any} */ (null));
  const open = async () => {
    problem.value = null;
    try {
      await prepare(entry);
      ready.value = true;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      problem.value = { message: "this page cannot be loaded", hint: "see whether the server is running, then try again" };
    }
  };
  useEffect(() => {
    if (!ready.value) open();
  }, []);
  if (problem.value) return html`<div class="column"><${Failed} error=${problem.value} retry=${open} /></div>`;
  if (!ready.value) return html`<${Loading} />`;
  return html`<${opened.get(entry)} caught=${caught} />`;
}
