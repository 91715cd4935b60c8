// @ts-check
/** The claims about an open question: what is agreed, disputed, or said by one, with each seat's own words. */
import { count, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";

/** @typedef {{text: string, status: "agreed"|"disputed"|"partial"|"single", members: string[], quotes: {member: string, quote: string}[]}} Point */

const ORDER = /** @type {const} */ (["agreed", "disputed", "partial", "single"]);
const TITLES = { agreed: "Agreed", disputed: "Disputed", partial: "Said by some", single: "Said by one" };

/** @param {{points: Point[]}} props */
export function Points({ points }) {
  if (!points?.length) return null;
  const kinds = ORDER.map((status) => ({ status, points: points.filter((point) => point.status === status) }));
  return html`
    <section class="answer-part">
      <h2>Point by point</h2>
      <ul class="point-strip">
        ${kinds.map(({ status, points }) => points.length > 0 && html`
          <li class=${`point-${status}`} style=${{ flexGrow: points.length }}>${TITLES[status]}: ${points.length}</li>
        `)}
      </ul>
      ${kinds.map(({ points }) => points.map((point) => html`<${One} point=${point} />`))}
    </section>
  `;
}

/** @param {{point: Point}} props */
function One({ point }) {
  return html`
    <details class=${`point point-${point.status}`}>
      <summary>
        <span class="point-status">${TITLES[point.status]}</span>
        <span class="point-text" dir="auto">${point.text}</span>
        <span class="quiet">${point.members.length === 1 ? html`<bdi>${shortName(point.members[0])}</bdi>` : count(point.members.length, "seat")}</span>
      </summary>
      <div class="sentences">
        ${point.quotes.map(
          ({ member, quote }) => html`
            <figure class="sentence">
              <figcaption><bdi>${shortName(member)}</bdi></figcaption>
              <blockquote dir="auto">${quote}</blockquote>
            </figure>
          `,
        )}
      </div>
    </details>
  `;
}
