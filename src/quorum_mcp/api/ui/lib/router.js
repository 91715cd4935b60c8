// @ts-check
/** The page named by the address's hash: `#/session/ses_…`. */
import { signal } from "../vendor/signals.js";

export const path = signal(current());

addEventListener("hashchange", () => {
  path.value = current();
  scrollTo(0, 0);
});

function current() {
  return decodeURI(location.hash.replace(/^#/, "")) || "/";
}

/** @param {string} to such as `/session/ses_…` */
export function go(to) {
  location.hash = to;
}

/** @param {string} id */
export function sessionPath(id) {
  return `/session/${encodeURIComponent(id)}`;
}
