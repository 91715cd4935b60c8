// @ts-check
/** The strip: who stands behind which conclusion. A part opens the sentences of its seats side by side. */
import { count, percent, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";
import { places } from "../lib/seats.js";
import { tellingSentence } from "../lib/sentence.js";
import { useSignal } from "../vendor/signals.js";

/** @typedef {{conclusion: string, members: string[], kind: string}} Part */

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
              <span class="strip-words"><bdi>${part.conclusion}</bdi></span>
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

/** The groups, then who came to nothing, then who failed. @param {import("../lib/run.js").Turn} turn @param {any} result @returns {Part[]} */
function divide(turn, result) {
  const standing = places(turn);
  const grouped = new Set(result.groups.flatMap((/** @type {any} */ group) => group.members));
  /** @type {Part[]} */
  const groups = result.groups.map((/** @type {any} */ group, /** @type {number} */ index) => ({
    conclusion: group.conclusion,
    members: group.members,
    kind: index === 0 ? "leading" : "other",
  }));
  const rest = turn.seats.filter((seat, index) => !grouped.has(seat.member) && standing[index].state !== "spared");
  const failed = rest.filter((seat) => standing[seat.index].state === "failed").map((seat) => seat.member);
  const silent = rest.map((seat) => seat.member).filter((member) => !failed.includes(member));
  const parts = [
    ...groups,
    { conclusion: "no conclusion", members: silent, kind: "none" },
    { conclusion: "failed", members: failed, kind: "none" },
  ];
  return parts.filter((part) => part.members.length > 0);
}

/** What stands for a seat: its telling sentence, or why there is none. @param {any} result @param {string} member */
function sentence(result, member) {
  const said = result.provider_responses.filter((/** @type {any} */ one) => one.member === member && one.seat !== null);
  const spoken = said.filter((/** @type {any} */ one) => one.status === "ok");
  const last = spoken[spoken.length - 1];
  return last ? tellingSentence(last.content, last.conclusion) : (said[0]?.error?.message ?? "no answer");
}
