// @ts-check
/** Where the blocks of a Markdown text end, so that each is parsed once, as soon as it is finished. */

/** Characters; parsing and drawing more than that would stop the page. */
export const LONGEST = 60_000;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])\s/;

/**
 * The ends of the finished blocks after `from`, in order. A block ends at a blank line that is in no fence, when the
 * next line has begun and does not go on with the block: an indented line, or an item of the same list, would.
 * @param {string} text @param {number} from where the first block begins
 * @param {boolean} over whether nothing more comes: then the last block ends with the text
 */
export function ends(text, from, over) {
  /** @type {number[]} */
  const found = [];
  let fence = "";
  let list = false; // whether the block is one
  let begun = false;
  let blank = 0; // where a block would end, if the next line allows it
  for (let at = from; at < text.length; ) {
    const stop = text.indexOf("\n", at);
    const line = text.slice(at, stop < 0 ? text.length : stop);
    if (blank && line.trim() && !/^\s/.test(line) && !(list && (ITEM.test(line) || mayBecomeItem(line, stop)))) {
      found.push(blank);
      begun = false;
    }
    if (!line.trim()) {
      if (begun && !fence && stop >= 0) blank = stop + 1;
    } else {
      blank = 0;
      if (!begun) list = ITEM.test(line);
      begun = true;
      fence = fenced(fence, line);
    }
    if (stop < 0) break;
    at = stop + 1;
  }
  if (over && text.length > (found[found.length - 1] ?? from)) found.push(text.length);
  return found;
}

/** Whether a line that is still being written could be an item. @param {string} line @param {number} stop its end, or -1 */
function mayBecomeItem(line, stop) {
  return stop < 0 && /^(?:[-*+]|\d{1,9}[.)]?)$/.test(line);
}

/** The fence that is open after the line; empty for none. @param {string} open @param {string} line */
function fenced(open, line) {
  const mark = FENCE.exec(line)?.[1] ?? "";
  if (!open) return mark;
  const closes = mark[0] === open[0] && mark.length >= open.length && line.trim() === mark;
  return closes ? "" : open;
}
