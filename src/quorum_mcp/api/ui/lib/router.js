// @ts-check
/** The page and its state, in the address's hash: `#/sessions?status=failed`. Hashes work behind any root path. */
import { computed, signal } from "../vendor/signals.js";

const address = signal(current());

/** The page that is shown, such as `/session/ses_…`. */
export const path = computed(() => address.value.split("?")[0] || "/");
/** The page's state: filters, sort order, what is opened. */
export const params = computed(() => new URLSearchParams(address.value.split("?")[1] ?? ""));

addEventListener("hashchange", () => {
  const before = path.peek();
  address.value = current();
  if (path.peek() !== before) scrollTo(0, 0);
});

function current() {
  return location.hash.replace(/^#/, "") || "/";
}

/** @param {string} to such as `/session/ses_…` */
export function go(to) {
  location.hash = to;
}

/**
 * An address for a link: `#/sessions?status=failed`. What is empty or null is left out.
 * @param {string} to @param {Record<string, string|number|null|undefined>} [state]
 */
export function href(to, state = {}) {
  const kept = Object.entries(state).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
  return `#${to}${query ? `?${query}` : ""}`;
}

/**
 * Change some of the page's state in place, so that Back leaves the page instead of undoing every letter.
 * @param {Record<string, string|number|null|undefined>} changes what is empty or null goes
 */
export function setParams(changes) {
  const next = href(path.peek(), { ...Object.fromEntries(params.peek()), ...changes });
  history.replaceState(history.state, "", next);
  address.value = current();
}

/** @param {string} id */
export function sessionPath(id) {
  return `/session/${encodeURIComponent(id)}`;
}
