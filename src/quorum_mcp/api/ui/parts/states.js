// @ts-check
/** What stands where there is nothing to show: nothing yet, not yet, or not at all; each says what to do. */
import { html } from "../lib/html.js";
import { ErrorBox } from "./error-box.js";
import { Icon } from "./icon.js";

/**
 * Nothing is there. The children say what to do about it.
 * @param {{title: string, icon?: string, level?: 1|2|3, children?: any}} props
 */
export function Empty({ title, icon, level = 2, children }) {
  return html`
    <section class="nothing">
      ${icon && html`<span class="nothing-icon"><${Icon} name=${icon} size=${28} /></span>`}
      <${`h${level}`}>${title}<//>
      ${children && html`<p>${children}</p>`}
    </section>
  `;
}

/** It is being fetched. @param {{what?: string}} props */
export function Loading({ what = "Loading" }) {
  return html`<p class="loading" aria-busy="true"><span class="loading-dots" aria-hidden="true"><i></i><i></i><i></i></span>${what} …</p>`;
}

/** It could not be fetched. @param {{error: any, retry?: () => void}} props */
export function Failed({ error, retry }) {
  return html`
    <div class="failed">
      <${ErrorBox} error=${error} />
      ${retry && html`<button type="button" onClick=${retry}>Try again</button>`}
    </div>
  `;
}

/**
 * One of the three, or what was loaded: `<${Shown} of=${loaded}>${(data) => …}<//>`. An error after a good load stands above the
 * old data, which is still of use.
 * @template T
 * @param {{of: import("../lib/load.js").Loaded<T>, children: (data: T) => any}} props
 */
export function Shown({ of: loaded, children }) {
  return html`
    ${loaded.error && html`<${Failed} error=${loaded.error} retry=${loaded.reload} />`}
    ${loaded.data === null && !loaded.error && html`<${Loading} />`}
    ${loaded.data !== null && children(loaded.data)}
  `;
}
