// @ts-check
/** The question being written: it stays while other pages are looked at. */
import { computed, signal } from "../vendor/signals.js";
import { get, post } from "./api.js";
import { attached, files } from "./files.js";

export const question = signal("");
export const context = signal("");
export const mode = signal("quick_consensus");
/** Whether the models may search the web, each with its provider's own search. */
export const searching = signal(false);
/** Full model names, in the order of the panel; empty for the default panel. */
export const panel = signal(/** @type {string[]} */ ([]));

/** @typedef {{name: string, title: string, kind: string, status: string, reason: string|null, model: string|null, models: string[], simulated: boolean}} Provider */
export const providers = signal(/** @type {Provider[]|null} */ (null));

export async function loadProviders() {
  providers.value = (await get("api/providers")).providers;
}

export const ready = computed(() => question.value.trim() !== "" && files.value.every((file) => file.id || file.error));

/** Prices by model, in USD per million tokens: `[read, written]`; null before they are loaded. */
export const prices = signal(/** @type {Map<string, [number, number]>|null} */ (null));

export async function loadPrices() {
  const { models } = await get("api/models");
  const known = models.filter((/** @type {any} */ one) => one.input_per_million !== null);
  prices.value = new Map(known.map((/** @type {any} */ one) => [one.name, [one.input_per_million, one.output_per_million]]));
}

/** Ask, without waiting for the answer. @returns {Promise<string>} the session's id */
export async function send() {
  const answer = await post("api/query", { ...body(), wait: false });
  question.value = "";
  context.value = "";
  files.value = [];
  return answer.session_id;
}

/** The last estimate; null before the first. */
export const estimated = signal(/** @type {Estimate|null} */ (null));

/** @typedef {{seats: string[], rounds: number, calls_at_most: number, worst_case_usd: number|null, expected_usd: number|null, per_seat_usd: Record<string, number|null>, warnings: string[]}} Estimate */

/** What it would come to, and who would sit on the panel. @param {AbortSignal} signal @returns {Promise<Estimate>} */
export function estimate(signal) {
  return post("api/estimate-cost", { ...body(), query: question.value.trim() || "?" }, signal);
}

/** What the models may use. */
export function tools() {
  return searching.value ? { tools: ["web_search"] } : {};
}

function body() {
  return {
    query: question.value,
    mode: mode.value,
    ...(context.value.trim() ? { context: context.value } : {}),
    ...(panel.value.length ? { panel: panel.value } : {}),
    ...tools(),
    ...attached(),
  };
}
