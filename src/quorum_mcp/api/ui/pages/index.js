// @ts-check
/**
 * Every page: its address, its place in the menu, and where its module is. A new page is a file and a line here.
 *
 * `load` is called when the page is first opened; the module exports `Page`, a component that gets what its
 * pattern caught. `styles` names files of css/ that are loaded with it. `needs` is the scope that a key must have:
 * without it the menu hides the page, and the page says so.
 */

/** @typedef {{caught: string[]}} Caught */
/** @typedef {{pattern: RegExp, load: () => Promise<{Page: (props: Caught) => any}>, styles?: string[], needs?: string, title?: string, icon?: string, group?: string, path?: string}} Entry */

/** @type {Entry[]} */
export const PAGES = [
  { pattern: /^\/$/, path: "/", title: "Ask", icon: "ask", group: "", styles: ["ask", "choice", "ring"], needs: "ask", load: () => import("./ask.js") },
  { pattern: /^\/sessions$/, path: "/sessions", title: "Sessions", icon: "sessions", group: "", styles: ["sessions"], needs: "read", load: () => import("./sessions.js") },
  { pattern: /^\/compare$/, styles: ["sessions", "answer"], needs: "read", load: () => import("./compare.js") },
  { pattern: /^\/session\/([^/]+)$/, styles: ["session", "answer", "timeline", "ring", "choice"], load: () => import("./session.js") },
  { pattern: /^\/calls$/, path: "/calls", title: "Calls", icon: "calls", group: "Watch", styles: ["charts", "data"], needs: "read", load: () => import("./calls.js") },
  { pattern: /^\/providers$/, path: "/providers", title: "Providers", icon: "providers", group: "Watch", styles: ["charts", "data"], needs: "read", load: () => import("./providers.js") },
  { pattern: /^\/performance$/, path: "/performance", title: "Performance", icon: "performance", group: "Watch", styles: ["charts", "data", "../vendor/uplot"], needs: "read", load: () => import("./performance.js") },
  { pattern: /^\/budget$/, path: "/budget", title: "Budget", icon: "budget", group: "Watch", styles: ["charts", "data"], needs: "read", load: () => import("./budget.js") },
  { pattern: /^\/playground$/, path: "/playground", title: "Playground", icon: "playground", group: "Build", styles: ["data"], needs: "read", load: () => import("./playground.js") },
  { pattern: /^\/keys$/, path: "/keys", title: "Keys", icon: "keys", group: "Manage", styles: ["data"], needs: "admin", load: () => import("./keys.js") },
  { pattern: /^\/settings$/, path: "/settings", title: "Settings", icon: "settings", group: "Manage", styles: ["data"], needs: "admin", load: () => import("./settings.js") },
]; // prettier-ignore

/** The groups of the menu, in their order; the first has no name. */
export const GROUPS = ["", "Watch", "Build", "Manage"];

/** @param {string} address @returns {{entry: Entry, caught: string[]}|null} */
export function find(address) {
  for (const entry of PAGES) {
    const found = entry.pattern.exec(address);
    if (found) return { entry, caught: found.slice(1).map(decoded) };
  }
  return null;
}

/** @param {string} text a part of an address */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
