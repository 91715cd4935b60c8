// @ts-check
/** Which rows of a table are shown, and the way to the others. */
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { Icon } from "./icon.js";

/** @param {{page: import("../vendor/signals.js").Signal<number>, at: number, size: number, count: number, total: number|null, more: (() => Promise<void>)|null}} props */
export function Pager({ page, at, size, count, total, more }) {
  const busy = useSignal(false);
  const beyond = (at + 1) * size >= count;
  if (count <= size && !more) return null;
  const next = async () => {
    if (beyond && more) {
      busy.value = true;
      await more().finally(() => {
        busy.value = false;
      });
    }
    page.value = at + 1;
  };
  const all = total === null ? `${count.toLocaleString("en")}${more ? "+" : ""}` : total.toLocaleString("en");
  const from = count ? at * size + 1 : 0;
  return html`
    <nav class="pager" aria-label="Rows">
      <span>${from.toLocaleString("en")}–${Math.min(count, (at + 1) * size).toLocaleString("en")} of ${all}</span>
      <button type="button" class="plain" disabled=${at === 0} aria-label="Rows before" onClick=${() => {
        page.value = at - 1;
      }}><${Icon} name="left" /></button>
      <button type="button" class="plain" disabled=${busy.value || (beyond && !more)} aria-label="Rows after" onClick=${next}><${Icon} name="right" /></button>
    </nav>
  `;
}
