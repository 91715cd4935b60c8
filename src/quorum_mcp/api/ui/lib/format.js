// @ts-check
/** Numbers and times as people read them. */

/** @param {number|null|undefined} usd US dollars; null where no price is known */
export function money(usd) {
  if (usd === null || usd === undefined) return "price unknown";
  if (usd === 0) return "$0";
  if (usd < 0.01) return `$${usd.toFixed(Math.min(9, 1 - Math.floor(Math.log10(usd)))).replace(/0+$/, "")}`;
  if (usd >= 1000) return `$${usd.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return `$${usd.toFixed(usd < 1 ? 3 : 2)}`;
}

/** Money as it is spent: two digits, more only below a cent. @param {number} usd */
export function dollars(usd) {
  return usd !== 0 && Math.abs(usd) < 0.01 ? money(usd) : `$${usd.toFixed(2)}`;
}

/** @param {number} size */
export function bytes(size) {
  if (size < 1000) return `${size} B`;
  return size < 1_000_000 ? `${Math.round(size / 1000)} kB` : `${(size / 1_000_000).toFixed(1)} MB`;
}

/** @param {number} seconds */
export function seconds(seconds) {
  if (seconds < 0.0095) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** @param {string} iso @param {number} [now] milliseconds since 1970 */
export function ago(iso, now = Date.now()) {
  const past = (now - Date.parse(iso)) / 1000;
  if (past < 45) return "just now";
  if (past < 3600) return `${Math.max(1, Math.round(past / 60))} min ago`;
  if (past < 86400) return `${Math.round(past / 3600)} h ago`;
  if (past < 7 * 86400) return `${Math.round(past / 86400)} d ago`;
  return iso.slice(0, 10);
}

/** How far off a moment to come is: `in 5 h`. @param {string} iso @param {number} [now] milliseconds since 1970 */
export function until(iso, now = Date.now()) {
  const left = (Date.parse(iso) - now) / 1000;
  if (left < 45) return "now";
  if (left < 3600) return `in ${Math.max(1, Math.round(left / 60))} min`;
  if (left < 2 * 86400) return `in ${Math.round(left / 3600)} h`;
  if (left < 60 * 86400) return `in ${Math.round(left / 86400)} d`;
  return `on ${iso.slice(0, 10)}`;
}

/** @param {number} n @param {string} word @param {string} [many] */
export function count(n, word, many = `${word}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? word : many}`;
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** @type {Record<string, string>} */
export const MODES = {
  quick_consensus: "Quick consensus",
  full_deliberation: "Full deliberation",
  devils_advocate: "Devil’s advocate",
};

/** @type {Record<string, string>} */
export const ROLES = {
  answer: "Answer",
  critique: "After critique",
  advocate: "Attack",
  defence: "Reply to the attack",
  judge: "Judge",
  synthesizer: "Writer",
};

/** A member's name without its provider. @param {string} member */
export function shortName(member) {
  return member.slice(member.indexOf("/") + 1);
}
