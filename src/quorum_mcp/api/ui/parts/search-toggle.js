// @ts-check
/** Whether the models may search the web; who cannot is told of before asking, by the estimate. */
import { searching } from "../lib/draft.js";
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";

export function SearchToggle() {
  const change = () => {
    searching.value = !searching.value;
  };
  return html`
    <button type="button" class="plain labelled toggle" aria-pressed=${searching.value} onClick=${change}>
      <${Icon} name="search" size=${18} />Web search
    </button>
  `;
}
