// @ts-check
/**
 * Text that grows: appended to, never drawn anew. A block of Markdown is parsed once, when it is finished; what is not
 * finished yet stands after it as it was written. It is kept in view while its reader is at its end.
 */
import { LONGEST, ends } from "../lib/blocks.js";
import { html } from "../lib/html.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";

const LINE = 1200; // characters after which the next line begins an element of its own, so that layout stays cheap
const NEAR = 40; // pixels from the end that still count as being there

/** @param {{stream: import("../lib/stream.js").Stream, scroller?: any, over?: boolean}} props `over`: nothing more comes */
export function StreamText({ stream, scroller, over = false }) {
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  const writer = useRef(/** @type {Writer|null} */ (null));
  useLayoutEffect(() => {
    if (!place.current) return undefined;
    const own = new Writer(place.current, stream, () => scroller?.current ?? null);
    writer.current = own;
    return () => own.close();
  }, [stream]);
  useLayoutEffect(() => writer.current?.finish(over), [stream, over]);
  return html`<div class="rich" dir="auto" ref=${place}></div>`;
}

/** Writers with something to write. All of them write in one frame: first all look, then all write, so that the page is laid out once. @type {Set<Writer>} */
const waiting = new Set();

/** @param {Writer} writer */
function schedule(writer) {
  if (!waiting.size) requestAnimationFrame(writeAll);
  waiting.add(writer);
}

function writeAll() {
  const writers = [...waiting];
  waiting.clear();
  const following = writers.filter((writer) => writer.atEnd());
  for (const writer of writers) writer.write();
  for (const writer of following) writer.follow();
}

class Writer {
  #done = 0; // characters that stand there as finished blocks
  #shown = 0; // characters that stand there at all
  #over = false;
  #closed = false;
  /** @type {Text|null} what is appended to */
  #line = null;
  #tail = document.createElement("div");
  /** @type {((text: string) => DocumentFragment)|null} */
  #render = null;

  /** @param {HTMLElement} root @param {import("../lib/stream.js").Stream} stream @param {() => HTMLElement|null} scroller */
  constructor(root, stream, scroller) {
    this.root = root;
    this.stream = stream;
    this.scroller = scroller;
    this.#tail.className = "stream";
    root.replaceChildren(this.#tail);
    stream.listeners.add(this.#told);
    import("../lib/markdown.js").then(({ render }) => {
      this.#render = render;
      if (!this.#closed) schedule(this);
    });
  }

  close() {
    this.#closed = true;
    this.stream.listeners.delete(this.#told);
    waiting.delete(this);
  }

  /** @param {boolean} over */
  finish(over) {
    this.#over = over;
    this.write();
  }

  /** Whether its reader is at the end, and wants to stay there. */
  atEnd() {
    const box = this.scroller();
    return box !== null && !this.#over && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
  }

  follow() {
    const box = this.scroller();
    if (box) box.scrollTop = box.scrollHeight;
  }

  write() {
    this.#settle();
    this.#append(this.stream.text.slice(this.#shown));
    if (this.#over && this.#done === this.stream.text.length) this.#tail.remove();
  }

  #told = (/** @type {string|null} */ added) => {
    if (added === null) {
      this.#done = this.#shown = 0;
      this.#line = null;
      this.#tail.replaceChildren();
      this.root.replaceChildren(this.#tail);
    }
    schedule(this);
  };

  /** Put what is finished before the tail, as Markdown. */
  #settle() {
    const text = this.stream.text;
    if (!this.#render || text.length > LONGEST) return;
    const found = ends(text, this.#done, this.#over);
    if (!found.length) return;
    for (const end of found) {
      this.#tail.before(this.#render(text.slice(this.#done, end)));
      this.#done = end;
    }
    this.#shown = this.#done;
    this.#line = null;
    this.#tail.replaceChildren();
  }

  /** @param {string} added to the tail */
  #append(added) {
    if (!added) return;
    this.#shown += added.length;
    const cut = this.#line && this.#line.length > LINE ? added.indexOf("\n") + 1 : 0;
    if (this.#line && !cut) {
      this.#line.appendData(added);
      return;
    }
    if (this.#line) this.#line.appendData(added.slice(0, cut));
    this.#line = document.createTextNode(added.slice(cut));
    const line = document.createElement("div");
    line.append(this.#line);
    this.#tail.append(line);
  }
}
