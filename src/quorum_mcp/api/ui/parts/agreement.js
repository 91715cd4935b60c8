// @ts-check
/** The strip: who stands behind which conclusion. A part opens the sentences of its seats side by side. */
import { count, percent, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";

/** @typedef {{conclusion: string|null, members: string[], kind: string}} Part */

/** @param {{turn: import("../lib/run.js").Turn, result: any}} props */
export function Agreement({ turn, result }) {
  const opened = useSignal(-1);
  const parts = divide(turn, result);
  const total = parts.reduce((sum, part) => sum + part.members.length, 0);
  if (!result.groups.length || !total) return null;
  const id = `sentences-${turn.number}`;
  const chosen = parts[opened.value];
  return html`
    <section class="answer-part">
      <h2>Who says what</h2>
      <div class="strip">
        ${parts.map(
          (part, index) => html`
            <button type="button" class=${`strip-part strip-${part.kind}`} style=${{ flexGrow: part.members.length }}
              aria-expanded=${opened.value === index} aria-controls=${id}
              onClick=${() => {
                opened.value = opened.value === index ? -1 : index;
              }}>
              <span class="strip-words"><bdi>${part.conclusion ?? "no conclusion"}</bdi></span>
              <span class="strip-share">${count(part.members.length, "seat")}, ${percent(part.members.length / total)}</span>
            </button>
          `,
        )}
      </div>
      <div id=${id} class="sentences" hidden=${!chosen}>
        ${chosen?.members.map(
          (member) => html`
            <figure class="sentence">
              <figcaption><bdi>${shortName(member)}</bdi></figcaption>
              <blockquote dir="auto">${sentence(result, member)}</blockquote>
            </figure>
          `,
        )}
      </div>
    </section>
  `;
}

/** The groups, then those that failed or came to nothing. @param {import("../lib/run.js").Turn} turn @param {any} result @returns {Part[]} */
function divide(turn, result) {
  const grouped = new Set(result.groups.flatMap((/** @type {any} */ group) => group.members));
  const spared = new Set(result.provider_responses.filter((/** @type {any} */ one) => one.status === "skipped").map((/** @type {any} */ one) => one.member));
  const rest = turn.seats.map((seat) => seat.member).filter((member) => !grouped.has(member) && !spared.has(member));
  /** @type {Part[]} */
  const parts = result.groups.map((/** @type {any} */ group, /** @type {number} */ index) => ({
    conclusion: group.conclusion,
    members: group.members,
    kind: index === 0 ? "leading" : "other",
  }));
  return rest.length ? [...parts, { conclusion: null, members: rest, kind: "none" }] : parts;
}

/** The last sentence of a seat that holds its conclusion, else its last paragraph. @param {any} result @param {string} member */
function sentence(result, member) {
  const said = result.provider_responses.filter((/** @type {any} */ one) => one.member === member && one.seat !== null);
  const last = said[said.length - 1];
  if (!last || last.status !== "ok") return last?.error?.message ?? "no answer";
  const lines = last.content.split(/\n+/).map((/** @type {string} */ line) => line.trim()).filter(Boolean);
  const bare = lines.filter((/** @type {string} */ line) => !/^\W*CONCLUSION\W*:/i.test(line));
  const holding = bare.filter((/** @type {string} */ line) => last.conclusion && line.includes(last.conclusion));
  return holding[holding.length - 1] ?? bare[bare.length - 1] ?? lines[lines.length - 1] ?? "";
}
