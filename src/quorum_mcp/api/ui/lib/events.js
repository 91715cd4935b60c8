// @ts-check
/** A run's events: read from the server as they come, and taken up again where a connection broke. */
import { may } from "./access.js";
import { ApiError, get, request } from "./api.js";

/** @typedef {{v: number, run_id: string, seq: number, ts: string, type: string, data: any}} Event */
/** @typedef {"connecting"|"live"|"reconnecting"|"ended"} Connection */

export const ENDINGS = new Set(["run.finished", "run.failed", "run.cancelled"]);
const OPEN = new Set(["queued", "running"]);
const FIRST_WAIT = 250; // milliseconds; doubles up to the longest
const LONGEST_WAIT = 5000;

/**
 * Pass on every event numbered above `after` until the run's turn has ended. Deltas are not numbered for
 * good: after a new connection an open call begins again with its whole text so far, at offset 0.
 * @param {string} id
 * @param {{after: number, signal: AbortSignal, onEvents: (events: Event[]) => void, onState: (state: Connection) => void}} to
 */
export async function follow(id, { after, signal, onEvents, onState }) {
  let wait = FIRST_WAIT;
  let ended = false;
  onState("connecting");
  for (;;) {
    try {
      const response = await request(`api/session/${encodeURIComponent(id)}/events?after=${after}`, { signal });
      onState("live");
      for await (const events of read(response)) {
        const last = events[events.length - 1];
        after = last.seq;
        ended = ENDINGS.has(last.type);
        wait = FIRST_WAIT;
        onEvents(events);
      }
      if (ended || (may("read") && !(await isOpen(id, signal)))) break;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status >= 400 && error.status < 500) throw error;
    }
    onState("reconnecting");
    await pause(wait, signal);
    if (signal.aborted) return;
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
  onState("ended");
}

/** A stream that closed without an ending: is the run still going on? @param {string} id @param {AbortSignal} signal */
async function isOpen(id, signal) {
  return OPEN.has((await get(`api/session/${encodeURIComponent(id)}`, signal)).status);
}

/**
 * Server-sent events, in the portions in which they arrive.
 * @param {Response} response
 * @returns {AsyncGenerator<Event[]>}
 */
async function* read(response) {
  if (!response.body) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      const events = blocks.map(parse).filter((event) => event !== null);
      if (events.length) yield events;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** @param {string} block @returns {Event|null} null for a comment */
function parse(block) {
  const line = block.split("\n").find((text) => text.startsWith("data: "));
  return line ? JSON.parse(line.slice(6)) : null;
}

/** @param {number} milliseconds @param {AbortSignal} signal */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => resolve(clearTimeout(timer)), { once: true });
  });
}
