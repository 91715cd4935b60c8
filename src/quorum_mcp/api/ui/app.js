// @ts-check
/** The page: what is around every page, and the page that the address names. */
import { loadMe } from "./lib/access.js";
import { locked } from "./lib/api.js";
import { html } from "./lib/html.js";
import { Help } from "./parts/help.js";
import { KeyField } from "./parts/key-field.js";
import { LeaveDialog } from "./parts/leave-dialog.js";
import { PageView } from "./parts/page-view.js";
import { Shell } from "./parts/shell.js";
import { Toasts } from "./parts/toast.js";
import { render } from "./vendor/preact.js";

/** @param {MouseEvent} event moves on to the content; a hash of its own would change the page */
function skip(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function App() {
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <${Shell}>${locked.value ? html`<${KeyField} />` : html`<${PageView} />`}<//>
    <${Help} />
    <${LeaveDialog} />
    <${Toasts} />
  `;
}

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  loadMe().catch(() => undefined); // what went wrong, the page itself meets too
  render(html`<${App} />`, root);
}
