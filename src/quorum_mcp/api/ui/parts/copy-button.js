// @ts-check
/** Copies a text. */
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";
import { toast } from "./toast.js";

/** @param {{text: string, label?: string}} props */
export function CopyButton({ text, label = "Copy" }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast("Copied");
    } catch {
      toast("The browser does not let this page copy: mark the text and copy it", "warning");
    }
  };
  return html`<button type="button" onClick=${copy}><${Icon} name="copy" size=${18} />${label}</button>`;
}
