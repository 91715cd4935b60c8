// @ts-check
/** All seats of a turn side by side; on a phone one below the other, with their names to jump to. */
import { html } from "../lib/html.js";
import { shortName } from "../lib/format.js";
import { places, toSeat } from "../lib/seats.js";
import { SeatPanel } from "./seat.js";

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn, last: boolean}} props */
export function Seats({ run, turn, last }) {
  const standing = places(turn);
  const seated = turn.seats.filter((seat) => turn.of(seat.index).length > 0);
  const benched = turn.seats.filter((seat) => !seated.includes(seat));
  return html`
    <section class="seats-part" aria-label="The seats">
      ${last &&
      html`<nav class="seat-tabs" aria-label="Seats">
        ${seated.map(
          (seat) => html`
            <button type="button" key=${seat.index} onClick=${() => toSeat(seat.index)}>
              <span class=${`dot standing-${standing[seat.index].state}`} aria-hidden="true"></span>
              <bdi>${shortName(seat.member)}</bdi>
            </button>
          `,
        )}
      </nav>`}
      <div class="seats" data-count=${seated.length}>
        ${seated.map(
          (seat) => html`
            <${SeatPanel} key=${seat.index} run=${run} turn=${turn} seat=${seat}
              standing=${standing[seat.index].state} last=${last} />
          `,
        )}
      </div>
      ${benched.length > 0 &&
      html`
        <ul class="bench" aria-label=${unasked(turn)}>
          ${unasked(turn)}
          ${benched.map((seat) => html`<li><bdi>${seat.member}</bdi>${seat.simulated && html`<span class="tag">simulated</span>`}</li>`)}
        </ul>
      `}
    </section>
  `;
}

/** Why there are seats that nobody has asked. @param {import("../lib/run.js").Turn} turn */
function unasked(turn) {
  if (turn.ended.value?.how === "finished") return "Not asked, the others had agreed by then";
  return turn.ended.value ? "Not asked" : "Waiting, asked only if the first ones differ";
}
