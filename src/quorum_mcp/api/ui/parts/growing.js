// @ts-check
/** A text field that is as high as its text. */
import { html } from "../lib/html.js";
import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";

/** @param {any} props `value` is a signal; the rest goes to the text area */
export function Growing({ value, field, ...rest }) {
  const own = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const ref = field ?? own;
  const fit = () => {
    const area = ref.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  useLayoutEffect(fit, [value.value]);
  useLayoutEffect(() => {
    addEventListener("resize", fit);
    return () => removeEventListener("resize", fit);
  }, []);
  return html`
    <textarea ...${rest} ref=${ref} value=${value.value} dir="auto"
      onInput=${(/** @type {any} */ event) => {
        value.value = event.currentTarget.value;
      }}></textarea>
  `;
}
