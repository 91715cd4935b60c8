// @ts-check
/** Keys of the page. Single characters can be switched off (some people dictate, or type with one switch). */
import { signal } from "../vendor/signals.js";

/** @typedef {{keys: string, does: string}} Shortcut */

const STORED = "quorum.single-keys";
export const singleKeys = signal(localStorage.getItem(STORED) !== "off");

/** @param {boolean} on */
export function setSingleKeys(on) {
  singleKeys.value = on;
  localStorage.setItem(STORED, on ? "on" : "off");
}

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { keys: "/", does: "go to the question" },
  { keys: "Ctrl Enter", does: "ask" },
  { keys: "Esc", does: "stop the run" },
  { keys: "1 … 9", does: "go to a seat" },
  { keys: "d", does: "go to what they disagree on" },
  { keys: "j k", does: "walk the rows of a table, Enter opens" },
  { keys: "?", does: "show this help" },
];

/** @type {Record<string, (event: KeyboardEvent) => void>} */
const actions = {};

/**
 * Do something on a key until the returned function is called. Names: a `KeyboardEvent.key`, or `seat` for 1 to 9.
 * @param {string} name @param {(event: KeyboardEvent) => void} action
 */
export function onKey(name, action) {
  actions[name] = action;
  return () => {
    if (actions[name] === action) delete actions[name];
  };
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.altKey || event.metaKey || event.ctrlKey) return;
  if (document.querySelector("dialog[open]")) return; // Esc closes it, and nothing behind it may act
  const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select");
  const name = /^[1-9]$/.test(event.key) ? "seat" : event.key;
  if (event.key.length === 1 && (typing || !singleKeys.value)) return;
  if (actions[name]) {
    event.preventDefault();
    actions[name](event);
  }
});
