// @ts-check
/** A list that the server gives in pages, by cursor. */
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { ApiError, get } from "./api.js";

/**
 * @template T
 * @typedef {{rows: T[]|null, error: ApiError|null, more: (() => Promise<void>)|null, reload: () => Promise<void>}} Paged
 */

/**
 * The rows so far of `address`, beginning anew when it changes. Reading again keeps as many rows as there were, up to
 * one page, so that what is looked at does not jump.
 * @template T
 * @param {string} address with its query, without `cursor`
 * @param {string} field of the answer that holds the rows
 * @param {{every?: number}} [how] milliseconds between two looks at the first page; 0: none
 * @returns {Paged<T>}
 */
export function usePaged(address, field, { every = 0 } = {}) {
  const rows = useSignal(/** @type {T[]|null} */ (null));
  const next = useSignal(/** @type {string|null} */ (null));
  const error = useSignal(/** @type {ApiError|null} */ (null));
  /** @param {string|null} cursor @param {AbortSignal} [signal] */
  const load = async (cursor, signal) => {
    try {
      const page = await get(cursor ? `${address}&cursor=${encodeURIComponent(cursor)}` : address, signal);
      rows.value = cursor ? [...(rows.value ?? []), ...page[field]] : page[field];
      next.value = page.next;
      error.value = null;
    } catch (problem) {
      if (signal?.aborted) return;
      if (!(problem instanceof ApiError)) throw problem;
      if (problem.status !== 401) error.value = problem;
    }
  };
  useEffect(() => {
    const control = new AbortController();
    load(null, control.signal);
    return () => control.abort();
  }, [address]);
  useEffect(() => {
    if (!every) return;
    const control = new AbortController();
    const timer = setInterval(() => !document.hidden && load(null, control.signal), every);
    return () => {
      control.abort();
      clearInterval(timer);
    };
  }, [address, every]);
  const after = next.value;
  return { rows: rows.value, error: error.value, more: after ? () => load(after) : null, reload: () => load(null) };
}
