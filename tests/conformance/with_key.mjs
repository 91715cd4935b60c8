// Makes a judge that cannot show a key show one: `node --import ./with_key.mjs JUDGE`, the key in JUDGE_KEY.
import http from "node:http";
import { createRequire } from "node:module";

const authorization = `Bearer ${process.env.JUDGE_KEY}`;
const plain = globalThis.fetch;
globalThis.fetch = (target, options = {}) => {
  const headers = new Headers(options.headers ?? (target instanceof Request ? target.headers : undefined));
  headers.set("authorization", authorization);
  return plain(target, { ...options, headers });
};

// Some scenarios go past fetch, because it does not let them choose every header.
const request = http.request;
http.request = (...given) => {
  const made = request(...given);
  made.setHeader("authorization", authorization);
  return made;
};
const { Agent, setGlobalDispatcher } = createRequire(import.meta.url)("undici");
const keyed = (dispatch) => (options, handler) => {
  const { headers } = options;
  const shown = Array.isArray(headers) ? [...headers, "authorization", authorization] : { ...headers, authorization };
  return dispatch({ ...options, headers: shown }, handler);
};
setGlobalDispatcher(new Agent().compose(keyed));
