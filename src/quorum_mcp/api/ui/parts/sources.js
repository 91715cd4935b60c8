// @ts-check
/** The pages that a text rests on, each once: its title, where it is, and who cites it. */
import { shortName } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @typedef {{url: string, title: string, members?: string[]}} Source */

/** @param {{sources: Source[]|undefined, label?: string}} props */
export function Sources({ sources, label = "Sources" }) {
  const once = [...new Map(sources?.map((source) => [source.url, source])).values()];
  if (!once.length) return null;
  return html`
    <ol class="sources" aria-label=${label}>
      ${once.map(
        ({ url, title, members }) => html`
          <li>
            <a href=${url} target="_blank" rel="noopener noreferrer" dir="auto">${title || url}</a>
            <span class="quiet"> ${[place(url), ...(members ?? []).map(shortName)].join(" · ")}</span>
          </li>
        `,
      )}
    </ol>
  `;
}

/** Whose page it is. @param {string} url */
function place(url) {
  return URL.canParse(url) ? new URL(url).host : "";
}
