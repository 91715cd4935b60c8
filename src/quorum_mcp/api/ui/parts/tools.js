// @ts-check
/** What is at hand on every page: colours, keys, and who is logged in. */
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
      <button type="button" class="plain" onClick=${change} aria-label=${label} title=${label}><${Icon} name=${theme.value} /></button>
      <button type="button" class="plain" onClick=${help} aria-label="Keyboard help" title="Keyboard help (?)"><${Icon} name="help" /></button>
    </div>
  `;
}
