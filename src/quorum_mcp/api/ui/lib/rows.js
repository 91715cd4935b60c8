// @ts-check
/** The keys of tables: j and k walk the rows that are shown (a filter holds), Enter opens one, Esc closes it. */
import { onKey } from "./shortcuts.js";

/**
 * @param {() => HTMLElement|null} body the table's rows, each with one `[data-row]` that takes the focus
 * @param {{opened: string|null, onClose?: () => void}} state walking while a row is open opens the next one
 * @returns {() => void} to stop listening
 */
export function onRows(body, { opened, onClose }) {
  const step = (/** @type {number} */ by) => {
    const rows = [...(body()?.querySelectorAll("[data-row]") ?? [])];
    if (!rows.length) return;
    const line = opened && body()?.querySelector(`tr[data-id="${CSS.escape(opened)}"] [data-row]`);
    const focused = rows.findIndex((row) => row === document.activeElement);
    const at = focused < 0 && line ? rows.indexOf(line) : focused;
    const next = /** @type {HTMLElement} */ (rows[Math.min(rows.length - 1, Math.max(0, at + by))]);
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    if (opened && onClose && next !== line) next.click();
  };
  const offs = [onKey("j", () => step(1)), onKey("k", () => step(-1))];
  if (opened && onClose) offs.push(onKey("Escape", onClose));
  return () => offs.forEach((off) => off());
}
