// @ts-check
/**
 * Markdown of a model, as safe markup. Loaded when the first text is finished.
 *
 * What a model writes may not load anything, run anything, or look like a part of the page: raw HTML is shown as
 * the text it is, images are named instead of loaded, links ask before they lead anywhere.
 */
import purify from "../vendor/dompurify.js";
import { Marked } from "../vendor/marked.js";
import { askToLeave } from "../parts/leave-dialog.js";

const TAGS = [
  "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li",
  "table", "thead", "tbody", "tr", "th", "td", "a",
]; // prettier-ignore
const POLICY = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "start"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Formulas are kept as they were written: Markdown would eat their backslashes. */
const formula = {
  name: "formula",
  level: /** @type {const} */ ("inline"),
  start: (/** @type {string} */ text) => text.search(/\\[([]|\$\$/),
  tokenizer: (/** @type {string} */ text) => {
    const found = /^(?:\\\([^]+?\\\)|\\\[[^]+?\\\]|\$\$[^]+?\$\$)/.exec(text);
    return found ? { type: "formula", raw: found[0] } : undefined;
  },
  renderer: (/** @type {{raw: string}} */ token) => `<code>${escape(token.raw)}</code>`,
};

const marked = new Marked({
  breaks: true, // models mean their line ends
  extensions: [formula],
  renderer: {
    heading(/** @type {any} */ token) {
      const level = Math.min(token.depth + 2, 6); // below the page's own headings
      return `<h${level}>${this.parser.parseInline(token.tokens)}</h${level}>\n`;
    },
    html: (/** @type {any} */ token) => escape(token.text),
    image: (/** @type {any} */ token) => `[image: ${escape(token.text || "without a name")}]`,
    checkbox: (/** @type {any} */ token) => (token.checked ? "☑ " : "☐ "),
  },
});

/**
 * @param {string} text
 * @returns {DocumentFragment}
 */
export function render(text) {
  const fragment = /** @type {DocumentFragment} */ (
    /** @type {unknown} */ (purify.sanitize(/** @type {string} */ (marked.parse(text, { async: false })), POLICY))
  );
  for (const link of fragment.querySelectorAll("a")) guard(link);
  for (const wide of fragment.querySelectorAll("pre, table")) reachable(wide);
  return fragment;
}

/** @param {HTMLAnchorElement} link */
function guard(link) {
  const url = link.getAttribute("href");
  if (!url) {
    link.replaceWith(...link.childNodes); // a link to nowhere that may be reached is its own text
    return;
  }
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.title = url;
  link.addEventListener("click", (event) => {
    event.preventDefault();
    askToLeave(url);
  });
}

/** Wide blocks scroll by themselves, by keyboard too. @param {Element} block */
function reachable(block) {
  const frame = document.createElement("div");
  frame.className = "wide";
  frame.tabIndex = 0;
  frame.setAttribute("role", "group");
  frame.setAttribute("aria-label", block.tagName === "PRE" ? "Code" : "Table");
  block.replaceWith(frame);
  frame.append(block);
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
