// @ts-check
/** The text of one call, growing. Offsets count characters as the server does, not JavaScript's halves of them. */

export class Stream {
  /** @param {string} [text] */
  constructor(text = "") {
    this.text = text;
    this.length = characters(text);
    /** @type {Set<(added: string|null) => void>} told what was added; null when the text was replaced */
    this.listeners = new Set();
  }

  /** Put `added` at `offset`; what stood there and after it is gone. @param {number} offset @param {string} added */
  write(offset, added) {
    if (offset === this.length) {
      this.text += added;
      this.length += characters(added);
      this.#tell(added);
    } else {
      this.text = Array.from(this.text).slice(0, offset).join("") + added;
      this.length = characters(this.text);
      this.#tell(null);
    }
  }

  /** The whole text, as it is stored. @param {string} text */
  set(text) {
    if (text === this.text) return;
    const added = text.startsWith(this.text) ? text.slice(this.text.length) : null; // the end may come without its delta
    this.text = text;
    this.length = characters(text);
    this.#tell(added);
  }

  /** @param {string|null} added */
  #tell(added) {
    for (const listener of this.listeners) listener(added);
  }
}

/** @param {string} text */
function characters(text) {
  let pairs = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xdc00) pairs++;
  }
  return text.length - pairs;
}
