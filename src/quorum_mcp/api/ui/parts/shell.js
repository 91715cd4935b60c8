// @ts-check
/** Around every page: the name, the menu, what is always at hand. Beside the page where there is room, else on top. */
import { may, me } from "../lib/access.js";
import { locked } from "../lib/api.js";
import { html } from "../lib/html.js";
import { path } from "../lib/router.js";
import { GROUPS, PAGES } from "../pages/index.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { Icon } from "./icon.js";
import { Mark } from "./mark.js";
import { Tools } from "./tools.js";

/** @param {{children: any}} props */
export function Shell({ children }) {
  return html`
    <div class="shell">
      <header class="side">
        <${Brand} />
        ${!locked.value && html`<${Menu} label="Pages" />`}
        <div class="side-foot"><${Tools} /></div>
      </header>
      <header class="top">
        <${Brand} />
        <${PhoneMenu} />
      </header>
      <main id="content" tabindex="-1">${children}</main>
    </div>
  `;
}

function Brand() {
  return html`<a class="brand" href="#/"><${Mark} /><span>Quorum</span></a>`;
}

/** @param {{label: string, onChosen?: () => void}} props */
function Menu({ label, onChosen }) {
  const shown = PAGES.filter((entry) => entry.title && may(entry.needs));
  return html`
    <nav class="menu" aria-label=${label}>
      ${GROUPS.map((group) => {
        const entries = shown.filter((entry) => (entry.group ?? "") === group);
        return entries.length > 0 && html`
          <div class="menu-group">
            ${group && html`<p class="menu-title">${group}</p>`}
            <ul>
              ${entries.map((entry) => html`
                <li>
                  <a href=${`#${entry.path}`} aria-current=${current(entry) ? "page" : undefined} onClick=${onChosen}>
                    <${Icon} name=${entry.icon ?? "more"} size=${18} />${entry.title}
                  </a>
                </li>
              `)}
            </ul>
          </div>
        `;
      })}
    </nav>
  `;
}

/** @param {import("../pages/index.js").Entry} entry a page stands for those below it, `/keys` for `/keys/new` */
function current(entry) {
  if (path.value === entry.path) return true;
  if (entry.path === "/sessions" && /^\/(session\/|compare)/.test(path.value)) return true;
  return entry.path !== "/" && path.value.startsWith(`${entry.path}/`);
}

/** The same menu on a narrow screen, in a drawer. */
function PhoneMenu() {
  const drawer = useRef(/** @type {HTMLDialogElement|null} */ (null));
  const close = () => drawer.current?.close();
  useEffect(close, [path.value, me.value]);
  return html`
    <button type="button" class="plain" aria-haspopup="dialog" aria-label="Menu" onClick=${() => drawer.current?.showModal()}>
      <${Icon} name="menu" size=${24} />
    </button>
    <dialog class="drawer" ref=${drawer} aria-label="Menu"
      onClick=${(/** @type {MouseEvent} */ event) => event.target === drawer.current && close()}>
      <div class="drawer-inside">
        <button type="button" class="plain drawer-close" onClick=${close} aria-label="Close the menu"><${Icon} name="cross" /></button>
        <${Menu} label="Menu" onChosen=${close} />
        <${Tools} before=${close} />
      </div>
    </dialog>
  `;
}
