// @ts-check
/** Who is using the page, and what they may do: the server decides, the page only hides what it would refuse. */
import { signal } from "../vendor/signals.js";
import { LOGIN, get, locked, post } from "./api.js";

/** @typedef {{id: string, organization: string, kind: "local"|"key", scopes: string[]}} Me */

/** Whether the server has been asked, and has answered something. */
export const asked = signal(false);

/** Null until it is known. */
export const me = signal(/** @type {Me|null} */ (null));

/** Whether to offer what needs `scope`; true while nobody knows. @param {string|undefined} scope */
export function may(scope) {
  return !scope || !me.value || me.value.scopes.includes(scope);
}

/** Ask the server who this is; a server that wants a key locks the page by its answer. */
export async function loadMe() {
  try {
    me.value = await get("api/whoami");
    locked.value = null;
  } finally {
    asked.value = true;
  }
}

/** Log in: the server turns the key into a cookie that no script can read. @param {string} key */
export async function logIn(key) {
  await post(LOGIN, { key, path: location.pathname });
  await loadMe();
}

export async function logOut() {
  await post("api/logout", { path: location.pathname });
  me.value = null;
  await loadMe().catch(() => undefined);
}
