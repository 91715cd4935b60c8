// @ts-check
/** One provider: its state and why, how long its last calls took, what is left of its limits, and a test. */
import { may } from "../lib/access.js";
import { announce } from "../lib/announce.js";
import { ApiError, post } from "../lib/api.js";
import { ago, count, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { Icon } from "./icon.js";
import { Meter } from "./meter.js";
import { Sparkline } from "./sparkline.js";

/**
 * @typedef {object} Provider
 * @property {string} name @property {string} title @property {string} kind @property {"healthy"|"degraded"|"unhealthy"|"unconfigured"} status
 * @property {string|null} reason @property {number|null} response_time @property {string|null} model @property {string[]} models
 * @property {string} breaker @property {{model: string, state: string, reason: string|null, retry_after: number|null}[]} breakers
 * @property {string|null} last_error @property {string|null} last_error_at @property {string|null} checked_at @property {boolean} simulated
 */
/** @typedef {{at: string, seconds: number|null, ok: boolean}} Past */
/** @typedef {{requests_per_minute: number|null, tokens_per_minute: number|null, requests_available: number|null, tokens_available: number|null}} Rate */

/** @type {Record<string, string>} */
const GLYPHS = { healthy: "check", degraded: "warning", unhealthy: "cross" };
/** @type {Record<string, string>} */
const KINDS = { remote: "", local: "on this machine", builtin: "built in", sim: "simulated" };

const NEARLY = 0.9; // the share of a limit from which on it is nearly used up

/** @param {{provider: Provider, calls: Past[], rate?: Rate, onTested: () => void}} props */
export function ProviderCard({ provider, calls, rate, onTested }) {
  const { name, title, status, reason } = provider;
  return html`
    <section class="card panel-card provider-card" aria-labelledby=${`provider-${name}`}>
      <header class="card-head">
        <div>
          <h2 id=${`provider-${name}`}><bdi>${title}</bdi></h2>
          <p class="quiet card-note"><code>${name}</code>${KINDS[provider.kind] && ` · ${KINDS[provider.kind]}`}</p>
        </div>
        <span class=${`state state-${status}`}><${Icon} name=${GLYPHS[status] ?? "unclear"} size=${16} />${status}</span>
      </header>
      ${reason && html`<p class=${`reason reason-${status}`}>${reason}</p>`}
      <${Times} name=${name} mean=${provider.response_time} calls=${calls} />
      <dl class="fact-list">
        <div><dt>Model</dt><dd>${provider.model ? html`<code><bdi>${provider.model}</bdi></code>` : "none by itself"}<${Models} models=${provider.models} /></dd></div>
        <div><dt>Breaker</dt><dd><${Breakers} provider=${provider} /></dd></div>
        <div><dt>Last error</dt><dd>${provider.last_error ? html`${provider.last_error}, ${ago(provider.last_error_at ?? "")}` : "none seen"}</dd></div>
        <div><dt>Requests left</dt><dd><${Left} label=${`Requests used of ${title}’s limit`} of=${rate?.requests_per_minute ?? null} left=${rate?.requests_available ?? null} /></dd></div>
        <div><dt>Tokens left</dt><dd><${Left} label=${`Tokens used of ${title}’s limit`} of=${rate?.tokens_per_minute ?? null} left=${rate?.tokens_available ?? null} /></dd></div>
      </dl>
      <${Test} provider=${provider} onTested=${onTested} />
    </section>
  `;
}

/** @param {{name: string, mean: number|null, calls: Past[]}} props */
function Times({ name, mean, calls }) {
  if (!calls.length) {
    return html`<div class="times times-none"><p class="quiet">${mean === null ? "It was not asked yet." : `Mean ${seconds(mean)}; none of the last calls is yours.`}</p></div>`;
  }
  const failed = calls.filter((call) => !call.ok).length;
  const slowest = Math.max(...calls.map((call) => call.seconds ?? 0));
  const words = `${count(calls.length, "call")}, slowest ${seconds(slowest)}, ${failed ? `${failed} failed` : "none failed"}`;
  return html`
    <div class="times">
      <p class="times-mean"><strong>${mean === null ? "–" : seconds(mean)}</strong><span class="quiet">mean response</span></p>
      <div>
        <${Sparkline} calls=${calls} label=${`Response times of ${name}, oldest first: ${words}`} />
        <p class="quiet times-words">last ${words}</p>
      </div>
    </div>
  `;
}

/** @param {{models: string[]}} props */
function Models({ models }) {
  if (models.length < 2) return null;
  return html`
    <details class="models">
      <summary>${models.length} models</summary>
      <ul tabindex="0" aria-label="Models">${models.map((model) => html`<li key=${model}><code><bdi>${model}</bdi></code></li>`)}</ul>
    </details>
  `;
}

/** @param {{provider: Provider}} props */
function Breakers({ provider }) {
  if (!provider.breakers.length) return html`closed`;
  return html`
    <ul>
      ${provider.breakers.map((one) => html`
        <li key=${one.model}>
          <code><bdi>${one.model}</bdi></code> ${one.state}${one.reason && html`: <bdi>${one.reason}</bdi>`}${one.retry_after ? `, tried again in ${seconds(one.retry_after)}` : ""}
        </li>
      `)}
    </ul>
  `;
}

/** @param {{label: string, of: number|null, left: number|null}} props */
function Left({ label, of, left }) {
  if (of === null || left === null) return html`no limit`;
  return html`
    <span class="left"><${Meter} value=${of - left} most=${of} mark=${of * NEARLY} label=${label} /><span class="left-figure">${left.toLocaleString("en")} of ${of.toLocaleString("en")}/min</span></span>
  `;
}

/** @param {{provider: Provider, onTested: () => void}} props */
function Test({ provider, onTested }) {
  const busy = useSignal(false);
  const found = useSignal(/** @type {any} */ (null));
  if (!may("write")) return html`<p class="quiet checked">${provider.checked_at ? `Checked ${ago(provider.checked_at)}.` : "Not checked yet."}</p>`;
  const test = async () => {
    busy.value = true;
    try {
      found.value = await post(`api/providers/${encodeURIComponent(provider.name)}/test`);
      announce(verdict(found.value, provider));
      onTested();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      found.value = { ok: false, error };
    } finally {
      busy.value = false;
    }
  };
  return html`
    <footer class="provider-test">
      <button type="button" aria-disabled=${busy.value} onClick=${() => busy.value || test()}>${busy.value ? "Testing …" : "Test now"}</button>
      <p class=${found.value && !found.value.ok ? "field-error" : "quiet"}>${verdict(found.value, provider)}</p>
    </footer>
  `;
}

/** @param {any} found @param {Provider} provider */
function verdict(found, provider) {
  if (!found) return provider.checked_at ? `Checked ${ago(provider.checked_at)}` : "Not checked yet";
  if (found.ok) return `Answered in ${seconds(found.latency)}, ${count(found.models, "model")}`;
  return `${found.error.message}${found.error.hint ? `. ${found.error.hint}` : ""}`;
}
