// @ts-check
/** Style sheets of pages, loaded with the page that needs them. */

/** @type {Map<string, Promise<void>>} */
const loaded = new Map();

/** @param {string[]} [names] of files in css/, without their ending */
export function style(names = []) {
  return Promise.all(names.map(one));
}

/** @param {string} name */
function one(name) {
  const known = loaded.get(name);
  if (known) return known;
  const coming = new Promise((/** @type {(value: void) => void} */ done, failed) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`../css/${name}.css`, import.meta.url).href;
    link.addEventListener("load", () => done());
    link.addEventListener("error", () => {
      loaded.delete(name);
      link.remove();
      failed(new TypeError(`css/${name}.css cannot be loaded`));
    });
    document.head.append(link);
  });
  loaded.set(name, coming);
  return coming;
}
