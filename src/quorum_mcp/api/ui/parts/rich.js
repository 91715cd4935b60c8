// @ts-check
/** A finished text: its Markdown, block by block. Very long ones are shown as they are, and at first in part. */
import { LONGEST } from "../lib/blocks.js";
import { html } from "../lib/html.js";
import { Stream } from "../lib/stream.js";
import { useMemo } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { StreamText } from "./stream-text.js";

const SHOWN = 8_000;

/** @param {{text: string}} props */
export function Rich({ text }) {
  return text.length > LONGEST ? html`<${Long} text=${text} />` : html`<${Whole} text=${text} />`;
}

/** The same as a text that has grown to its end. @param {{text: string}} props */
function Whole({ text }) {
  const stream = useMemo(() => new Stream(text), [text]);
  return html`<${StreamText} stream=${stream} over />`;
}

/** @param {{text: string}} props */
function Long({ text }) {
  const all = useSignal(false);
  return html`
    <div class="stream" dir="auto">${all.value ? text : text.slice(0, SHOWN)}</div>
    ${!all.value &&
    html`<button type="button" class="link" onClick=${() => {
      all.value = true;
    }}>Show all ${text.length.toLocaleString("en")} characters</button>`}
  `;
}
