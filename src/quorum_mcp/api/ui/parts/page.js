// @ts-check
/** The frame of a page: its title, what it is for, what can be done; and the cards and figures on it. */
import { html } from "../lib/html.js";
import { useEffect } from "../vendor/preact-hooks.js";

/** @param {{title: string, lead?: string, actions?: any, children: any}} props `title` also names the browser's tab */
export function PageFrame({ title, lead, actions, children }) {
  useEffect(() => {
    document.title = `${title} · Quorum`;
  }, [title]);
  return html`
    <div class="page">
      <header class="page-head">
        <div>
          <h1>${title}</h1>
          ${lead && html`<p class="page-lead">${lead}</p>`}
        </div>
        ${actions && html`<div class="page-actions">${actions}</div>`}
      </header>
      ${children}
    </div>
  `;
}

/** @param {{title?: any, note?: any, actions?: any, kind?: string, children: any}} props */
export function Card({ title, note, actions, kind = "", children }) {
  return html`
    <section class=${`card panel-card ${kind}`}>
      ${(title || actions) &&
      html`<header class="card-head">
        <div>
          ${title && html`<h2>${title}</h2>`}
          ${note && html`<p class="quiet card-note">${note}</p>`}
        </div>
        ${actions && html`<div class="card-actions">${actions}</div>`}
      </header>`}
      ${children}
    </section>
  `;
}

/** Figures side by side: `{label, value, note}`. @param {{of: {label: string, value: any, note?: any}[]}} props */
export function Figures({ of: figures }) {
  return html`
    <dl class="figures">
      ${figures.map(({ label, value, note }) => html`
        <div class="figure">
          <dt>${label}</dt>
          <dd>${value}</dd>
          ${note && html`<dd class="figure-note">${note}</dd>`}
        </div>
      `)}
    </dl>
  `;
}
