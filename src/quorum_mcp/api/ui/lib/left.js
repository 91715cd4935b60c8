// @ts-check
/** What may still be spent: the tightest budget that would refuse. */
import { signal } from "../vendor/signals.js";
import { may } from "./access.js";
import { get } from "./api.js";

/** @type {Record<string, string>} */
const WORDS = { hourly: "this hour", daily: "today", weekly: "this week", monthly: "this month", total: "in all" };

/** Such as `$7.66 left today`; null where nobody knows, or nothing bounds. */
export const left = signal(/** @type {{usd: number, when: string}|null} */ (null));

export async function loadLeft() {
  if (!may("read")) return;
  const { budgets } = await get("api/budget");
  const bounding = budgets.filter((/** @type {any} */ one) => one.enforce && one.provider === null);
  bounding.sort((/** @type {any} */ a, /** @type {any} */ b) => a.remaining - b.remaining);
  const tightest = bounding[0];
  left.value = tightest ? { usd: tightest.remaining, when: WORDS[tightest.period] ?? "" } : null;
}
