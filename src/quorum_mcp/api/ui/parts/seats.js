// @ts-check
/** All seats of a turn side by side; on a phone one below the other, with their names to jump to. */
import { html } from "../lib/html.js";
import { shortName } from "../lib/format.js";
import { places, toSeat } from "../lib/seats.js";
import { SeatPanel } from "./seat.js";

/** @param {{run: import("../lib/run.js").Run, turn: import("../lib/run.js").Turn, last: boolean}} props */
export function Seats({ run, turn, last }) {
  const standing = places(turn);
  return html`
    <section class="seats-part" aria-label="The seats">
      ${last &&
      html`<nav class="seat-tabs" aria-label="Seats">
        ${turn.seats.map(
          (seat) => html`
            <button type="button" key=${seat.index} onClick=${() => toSeat(seat.index)}>
              <span class=${`dot standing-${standing[seat.index].state}`} aria-hidden="true"></span>
              <bdi>${shortName(seat.member)}</bdi>
            </button>
          `,
        )}
      </nav>`}
      <div class="seats" data-count=${turn.seats.length}>
        ${turn.seats.map(
          (seat) => html`
            <${SeatPanel} key=${seat.index} run=${run} turn=${turn} seat=${seat}
              standing=${standing[seat.index].state} last=${last} />
          `,
        )}
      </div>
    </section>
  `;
}
