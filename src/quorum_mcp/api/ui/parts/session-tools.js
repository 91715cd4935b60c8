// @ts-check
/** What can be done with a session that has ended: ask again with others, compare, take it along as a file. */
import { may } from "../lib/access.js";
import { html } from "../lib/html.js";
import { href, params, sessionPath } from "../lib/router.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { AskAgain } from "./ask-again.js";
import { Icon } from "./icon.js";

const FORMS = [
  { format: "md", title: "Markdown" },
  { format: "html", title: "One HTML file" },
  { format: "json", title: "JSON" },
];

/** @param {{id: string, turn: import("../lib/run.js").Turn}} props `turn` is the last one */
export function SessionTools({ id, turn }) {
  const asking = useSignal(false);
  const before = params.value.get("before");
  return html`
    <div class="session-tools">
      ${before && html`<a class="button" href=${href("/compare", { a: before, b: id })}><${Icon} name="compare" size=${18} />Compare with the run before</a>`}
      ${may("ask") && html`<button type="button" onClick=${() => {
        asking.value = true;
      }}><${Icon} name="again" size=${18} />Ask again</button>`}
      ${may("read") && html`<${Export} id=${id} />`}
      ${asking.value && html`<${AskAgain} id=${id} turn=${turn} onClose=${() => {
        asking.value = false;
      }} />`}
    </div>
  `;
}

/** @param {{id: string}} props */
function Export({ id }) {
  const place = useRef(/** @type {HTMLDetailsElement|null} */ (null));
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      const box = place.current;
      if (!box?.open) return;
      if (event instanceof KeyboardEvent && event.key !== "Escape") return;
      if (event.type === "pointerdown" && box.contains(/** @type {Node} */ (event.target))) return;
      box.open = false;
      if (event.type === "keydown") box.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, []);
  return html`
    <details class="drop" ref=${place}>
      <summary><${Icon} name="download" size=${18} />Export<${Icon} name="chevron" size=${14} /></summary>
      <ul>
        ${FORMS.map(({ format, title }) => html`
          <li><a href=${`api${sessionPath(id)}/export?format=${format}`} download onClick=${() => {
            if (place.current) place.current.open = false;
          }}>${title}</a></li>
        `)}
      </ul>
    </details>
  `;
}
