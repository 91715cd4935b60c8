// @ts-check
/** The page: header, the part that the address names, help. */
import { locked } from "./lib/api.js";
import { html } from "./lib/html.js";
import { path } from "./lib/router.js";
import { PAGES, Missing } from "./pages/index.js";
import { Header } from "./parts/header.js";
import { Help } from "./parts/help.js";
import { KeyField } from "./parts/key-field.js";
import { LeaveDialog } from "./parts/leave-dialog.js";
import { render } from "./vendor/preact.js";

/** @param {string} address @returns {[any, string[]]} the page and what its pattern caught */
function match(address) {
  for (const { pattern, page } of PAGES) {
    const found = pattern.exec(address);
    if (found) return [page, found.slice(1)];
  }
  return [Missing, []];
}

/** @param {MouseEvent} event moves on to the content; a hash of its own would change the page */
function skip(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function App() {
  const [Page, caught] = match(path.value);
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <${Header} />
    <main id="content" tabindex="-1">
      ${locked.value ? html`<${KeyField} />` : html`<${Page} key=${path.value} caught=${caught} />`}
    </main>
    <${Help} />
    <${LeaveDialog} />
  `;
}

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  render(html`<${App} />`, root);
}
