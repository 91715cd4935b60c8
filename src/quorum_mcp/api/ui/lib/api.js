// @ts-check
/** Calls to the server. Addresses are relative to the page, so that any root path works. */
import { signal } from "../vendor/signals.js";

export const LOGIN = "api/login";

/** An error as the server tells it: what happened, and a hint what to do next. */
export class ApiError extends Error {
  /** @param {number} status @param {{code?: string, message?: string, hint?: string|null, request_id?: string|null}} body */
  constructor(status, body) {
    super(body.message || `the server answered ${status}`);
    this.status = status;
    this.code = body.code || "error";
    this.hint = body.hint || null;
    this.requestId = body.request_id || null;
  }
}

/** What the server said when it wanted a key; null while it is content. */
export const locked = signal(/** @type {ApiError|null} */ (null));

/**
 * The raw response. Throws `ApiError` for a refusal and for a server that cannot be reached (status 0).
 * @param {string} path without a leading slash
 * @param {RequestInit} [options]
 */
export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, {
      code: "unreachable",
      message: "the server cannot be reached",
      hint: "see whether it is running, then try again",
    });
  }
  if (response.ok) return response;
  const error = new ApiError(response.status, (await body(response)).error ?? {});
  if (response.status === 401 && path !== LOGIN) locked.value = error;
  throw error;
}

/** @param {string} path @param {AbortSignal} [signal] */
export async function get(path, signal) {
  return (await request(path, { signal })).json();
}

/** @param {string} path @param {unknown} [data] @param {AbortSignal} [signal] */
export async function post(path, data = {}, signal) {
  const headers = { "content-type": "application/json" };
  return (await request(path, { method: "POST", headers, body: JSON.stringify(data), signal })).json();
}

/** @param {string} path @param {AbortSignal} [signal] */
export async function remove(path, signal) {
  return (await request(path, { method: "DELETE", signal })).json();
}

/** @param {Response} response */
async function body(response) {
  try {
    return (await response.json()) ?? {};
  } catch {
    return {};
  }
}
