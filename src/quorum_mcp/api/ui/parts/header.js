// @ts-check
/** The top of every page: name, help, colours. */
import { html } from "../lib/html.js";
import { path } from "../lib/router.js";
import { useSignal } from "../vendor/signals.js";
import { showHelp } from "./help.js";
import { Icon } from "./icon.js";

const STORED = "quorum.theme";
const NEXT = /** @type {Record<string, string>} */ ({ auto: "light", light: "dark", dark: "auto" });
const SAID = /** @type {Record<string, string>} */ ({ auto: "as the system", light: "light", dark: "dark" });

export function Header() {
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
  const label = `Colours: ${SAID[theme.value]}`;
  return html`
    <header class="top">
      <a class="brand" href="#/">
        <${Mark} />
        <span>Quorum</span>
      </a>
      <nav aria-label="Pages"><a href="#/" aria-current=${path.value === "/" ? "page" : undefined}>Ask</a></nav>
      <div class="top-tools">
        <button type="button" class="plain" onClick=${change} aria-label=${label} title=${label}>
          <${Icon} name=${theme.value} />
        </button>
        <button type="button" class="plain" onClick=${showHelp} aria-label="Keyboard help" title="Keyboard help (?)">
          <${Icon} name="help" />
        </button>
      </div>
    </header>
  `;
}

/** Seven seats around a table; the one that differs makes the Q. */
function Mark() {
  const seats = Array.from({ length: 7 }, (_, index) => {
    const angle = ((index * 360) / 7 - 90) * (Math.PI / 180);
    return html`<circle cx=${14 + 9.6 * Math.cos(angle)} cy=${14 + 9.6 * Math.sin(angle)} r="2.6" />`;
  });
  return html`
    <svg class="mark" viewBox="0 0 30 30" width="30" height="30" aria-hidden="true">
      ${seats}
      <circle class="mark-other" cx="24.4" cy="24.6" r="3" />
    </svg>
  `;
}
