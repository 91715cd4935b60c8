// @ts-check
/** What a part of a page reads from the server, with its waiting and its failing. */
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { ApiError, get } from "./api.js";

/**
 * @template T
 * @typedef {{data: T|null, error: ApiError|null, loading: boolean, reload: () => Promise<void>, set: (data: T) => void}} Loaded
 */

/**
 * Read `address`, again whenever it changes and, where `every` is given, every so many milliseconds while the tab
 * is looked at. What was read last stays while it is read again, and when that fails.
 * @template T
 * @param {string|null} address such as `api/providers`; null: not yet
 * @param {{every?: number}} [how]
 * @returns {Loaded<T>}
 */
export function useLoad(address, { every = 0 } = {}) {
  const data = useSignal(/** @type {T|null} */ (null));
  const error = useSignal(/** @type {ApiError|null} */ (null));
  const loading = useSignal(address !== null);
  const load = async (/** @type {AbortSignal|undefined} */ signal) => {
    if (address === null) return;
    loading.value = true;
    try {
      data.value = await get(address, signal);
      error.value = null;
    } catch (problem) {
      if (signal?.aborted) return;
      if (!(problem instanceof ApiError)) throw problem;
      if (problem.status !== 401) error.value = problem;
    }
    loading.value = false;
  };
  useEffect(() => {
    const control = new AbortController();
    load(control.signal);
    const timer = every ? setInterval(() => !document.hidden && load(control.signal), every) : 0;
    return () => {
      control.abort();
      clearInterval(timer);
    };
  }, [address, every]);
  return {
    data: data.value,
    error: error.value,
    loading: loading.value,
    reload: () => load(undefined),
    set: (/** @type {T} */ value) => {
      data.value = value;
    },
  };
}
