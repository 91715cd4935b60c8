// @ts-check
/** What is at hand on every page: colours, keys, and who is logged in. */
import { logOut, me } from "../lib/access.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { showHelp } from "./help.js";
import { Icon } from "./icon.js";

const STORED = "quorum.theme";
const NEXT = /** @type {Record<string, string>} */ ({ auto: "light", light: "dark", dark: "auto" });
const SAID = /** @type {Record<string, string>} */ ({ auto: "as the system", light: "light", dark: "dark" });

/** @param {{before?: () => void}} props `before` is called first, to close a menu */
export function Tools({ before = () => undefined }) {
  const theme = useSignal(document.documentElement.dataset.theme ?? "auto");
  const change = () => {
    theme.value = NEXT[theme.value];
    if (theme.value === "auto") {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem(STORED);
    } else {
      document.documentElement.dataset.theme = theme.value;
      localStorage.setItem(STORED, theme.value);
    }
  };
  const help = () => {
    before();
    showHelp();
  };
  const label = `Colours: ${SAID[theme.value]}`;
  return html`
    <div class="tools">
      <${Who} />
      <button type="button" class="plain" onClick=${change} aria-label=${label} title=${label}><${Icon} name=${theme.value} /></button>
      <button type="button" class="plain" onClick=${help} aria-label="Keyboard help" title="Keyboard help (?)"><${Icon} name="help" /></button>
    </div>
  `;
}

/** Whose key it is, and the way out. On a trusted loopback nobody is logged in. */
function Who() {
  if (me.value?.kind !== "key") return null;
  return html`
    <div class="who">
      <span title=${`May: ${me.value.scopes.join(", ")}`}>${me.value.id === "bootstrap" ? "first key" : me.value.id}</span>
      <button type="button" class="plain" onClick=${logOut} aria-label="Log out" title="Log out"><${Icon} name="logout" /></button>
    </div>
  `;
}
