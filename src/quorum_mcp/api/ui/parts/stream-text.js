// @ts-check
/** Text that grows: appended to, never drawn anew, and kept in view while its reader is at its end. */
import { html } from "../lib/html.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";

const BLOCK = 1200; // characters after which the next line begins a block of its own, so that layout stays cheap
const NEAR = 40; // pixels from the end that still count as being there

/** @param {{stream: import("../lib/stream.js").Stream, scroller: any}} props */
export function StreamText({ stream, scroller }) {
  const place = useRef(/** @type {HTMLElement|null} */ (null));
  useLayoutEffect(() => {
    const root = place.current;
    return root ? draw(root, stream, () => scroller.current) : undefined;
  }, [stream]);
  return html`<div class="stream" ref=${place}></div>`;
}

/** @param {HTMLElement} root @param {import("../lib/stream.js").Stream} stream @param {() => HTMLElement|null} scroller */
function draw(root, stream, scroller) {
  let shown = 0;
  let frame = 0;
  let block = /** @type {Text|null} */ (null);
  const flush = () => {
    frame = 0;
    const box = scroller();
    const atEnd = box && box.scrollHeight - box.scrollTop - box.clientHeight < NEAR;
    const added = stream.text.slice(shown);
    shown = stream.text.length;
    const cut = block && block.length > BLOCK ? added.indexOf("\n") + 1 : 0;
    if (block && !cut) block.appendData(added);
    else {
      if (block) block.appendData(added.slice(0, cut));
      block = document.createTextNode(added.slice(cut));
      const line = document.createElement("div");
      line.append(block);
      root.append(line);
    }
    if (box && atEnd) box.scrollTop = box.scrollHeight;
  };
  /** @param {string|null} added */
  const told = (added) => {
    if (added === null) {
      shown = 0;
      block = null;
      root.replaceChildren();
    }
    frame ||= requestAnimationFrame(flush);
  };
  stream.listeners.add(told);
  if (stream.text) flush();
  return () => {
    stream.listeners.delete(told);
    cancelAnimationFrame(frame);
  };
}
