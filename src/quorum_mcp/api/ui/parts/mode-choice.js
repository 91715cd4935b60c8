// @ts-check
/** How the panel deliberates. */
import { MODES } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @type {Record<string, string>} */
const MEANING = {
  quick_consensus: "Two answer; the rest only if they differ",
  full_deliberation: "All answer; where they differ, they review each other",
  devils_advocate: "One attacks the answer, the others defend it",
};

/** @param {{value: import("../vendor/signals.js").Signal<string>, name?: string}} props */
export function ModeChoice({ value, name: group = "mode" }) {
  return html`
    <fieldset class="modes">
      <legend>Mode</legend>
      ${Object.entries(MODES).map(
        ([name, title]) => html`
          <label class="mode">
            <input type="radio" name=${group} value=${name} checked=${value.value === name}
              onChange=${() => {
                value.value = name;
              }} />
            <span class="mode-title">${title}</span>
            <span class="mode-meaning">${MEANING[name]}</span>
          </label>
        `,
      )}
    </fieldset>
  `;
}
