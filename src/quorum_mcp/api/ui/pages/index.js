// @ts-check
/** Every page: the addresses it answers to. A new page is a file and a line here. */
import { html } from "../lib/html.js";
import { AskPage } from "./ask.js";
import { SessionPage } from "./session.js";

/** @typedef {{pattern: RegExp, page: (props: {caught: string[]}) => any}} Page */

/** @type {Page[]} */
export const PAGES = [
  { pattern: /^\/$/, page: AskPage },
  { pattern: /^\/session\/([^/]+)$/, page: SessionPage },
];

/** An address that nothing answers to. */
export function Missing() {
  return html`
    <section class="column empty">
      <h1>There is no such page</h1>
      <p><a href="#/">Ask a question</a> instead.</p>
    </section>
  `;
}
