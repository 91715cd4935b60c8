// @ts-check
/** The one sentence of a seat that says most about where it stands, in its own words. */

const FENCED = /```[^]*?(?:```|$)/g;
const MARKED = /^(?:\W*CONCLUSION\W*:|\|)/i;
const LEAD = /^(?:>|[-*+]|\d+[.)]|#+)\s+/;

/**
 * The last line of prose that holds the conclusion, else the last line of prose.
 * @param {string} text @param {string|null} conclusion
 */
export function tellingSentence(text, conclusion) {
  const lines = linesOf(text.replace(FENCED, ""));
  const prose = lines.filter((line) => !MARKED.test(line));
  const holding = prose.filter((line) => conclusion && line.includes(conclusion));
  return holding[holding.length - 1] ?? prose[prose.length - 1] ?? linesOf(text).pop() ?? "";
}

/** @param {string} text */
function linesOf(text) {
  return text.split("\n").map((line) => line.trim().replace(LEAD, "")).filter(Boolean);
}
