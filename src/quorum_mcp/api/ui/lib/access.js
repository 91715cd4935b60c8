// @ts-check
/** Who is using the page, and what they may do: the server decides, the page only hides what it would refuse. */
import { signal } from "../vendor/signals.js";

/** @typedef {{id: string, organization: string, kind: "local"|"key", scopes: string[]}} Me */

/** Null until it is known. */
export const me = signal(/** @type {Me|null} */ (null));

/** Whether to offer what needs `scope`; true while nobody knows. @param {string|undefined} scope */
export function may(scope) {
  return !scope || !me.value || me.value.scopes.includes(scope);
}
