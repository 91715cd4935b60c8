// @ts-check
/** What the server says by itself: alerts and counts, over its WebSocket, taken up again when it breaks. */
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { locked } from "./api.js";

const FIRST_WAIT = 500; // milliseconds; doubles up to the longest
const LONGEST_WAIT = 15_000;

/**
 * Hear messages of some types until the returned function is called.
 * @param {Record<string, (data: any) => void>} heard by type, such as `budget.alert`
 * @param {(open: boolean) => void} onState
 */
export function listen(heard, onState) {
  let wait = FIRST_WAIT;
  let timer = 0;
  let over = false;
  /** @type {WebSocket|null} */
  let socket = null;
  const open = () => {
    const address = new URL("ws", new URL("./", location.href));
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address.href);
    socket.addEventListener("open", () => {
      wait = FIRST_WAIT;
      onState(true);
    });
    socket.addEventListener("message", (message) => {
      const frame = JSON.parse(message.data);
      heard[frame.type]?.(frame.data);
    });
    socket.addEventListener("close", () => {
      onState(false);
      if (over) return;
      timer = setTimeout(() => (locked.value ? (timer = setTimeout(open, LONGEST_WAIT)) : open()), wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    });
  };
  open();
  return () => {
    over = true;
    clearTimeout(timer);
    socket?.close();
  };
}

/**
 * The same for as long as a component is shown; whether the line is open.
 * @param {Record<string, (data: any) => void>} heard
 */
export function useLive(heard) {
  const state = useSignal(false);
  useEffect(() => listen(heard, (open) => {
    state.value = open;
  }), []);
  return state.value;
}
