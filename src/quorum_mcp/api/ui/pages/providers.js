// @ts-check
/** The providers: who can be asked, how each does, and why another cannot. */
import { count } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLive } from "../lib/live.js";
import { useLoad } from "../lib/load.js";
import { PageFrame } from "../parts/page.js";
import { ProviderCard } from "../parts/provider-card.js";
import { Empty, Shown } from "../parts/states.js";

const AGAIN = 10_000; // milliseconds
const ORDER = ["unhealthy", "degraded", "healthy"];
const KINDS = ["remote", "local", "sim", "builtin"];

/** @typedef {import("../parts/provider-card.js").Provider} Provider */

export function Page() {
  const providers = useLoad("api/providers", { every: AGAIN });
  const times = useLoad("api/providers/latencies", { every: AGAIN });
  const rates = useLoad("api/rate-limits", { every: AGAIN });
  useLive({
    "provider.status": () => {
      providers.reload();
      times.reload();
    },
  });
  return html`
    <${PageFrame} title="Providers" lead="Who can be asked, how each of them does, and why another cannot be asked.">
      <${Shown} of=${providers}>${(/** @type {{providers: Provider[]}} */ data) => {
        const ready = data.providers.filter((one) => one.status !== "unconfigured");
        const missing = data.providers.filter((one) => one.status === "unconfigured");
        ready.sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.name.localeCompare(b.name));
        return html`
          <p class="summary-line">${summary(ready)}</p>
          ${ready.length === 0 && html`<${Empty} title="No provider is set up" icon="providers">
            Set a provider’s key, such as <code>ANTHROPIC_API_KEY</code>, or start a local model server, then start Quorum again.
          <//>`}
          <div class="grid provider-grid">
            ${ready.map((one) => html`
              <${ProviderCard} key=${one.name} provider=${one} calls=${times.data?.providers[one.name] ?? []}
                rate=${rates.data?.[one.name]} onTested=${providers.reload} />
            `)}
          </div>
          ${missing.length > 0 && html`<${Missing} providers=${missing} />`}
        `;
      }}<//>
    <//>
  `;
}

/** @param {Provider[]} ready */
function summary(ready) {
  const bad = ready.filter((one) => one.status !== "healthy");
  if (!ready.length) return "";
  if (!bad.length) return `${count(ready.length, "provider")} can be asked, all healthy.`;
  return `${count(ready.length, "provider")} can be asked; ${bad.map((one) => `${one.name} is ${one.status}`).join(", ")}.`;
}

/** @param {{providers: Provider[]}} props */
function Missing({ providers }) {
  return html`
    <section class="unconfigured" aria-labelledby="missing-title">
      <h2 id="missing-title">Not set up</h2>
      <ul>
        ${providers.map((one) => html`<li key=${one.name}><strong>${one.title}</strong><span class="quiet">${one.reason}</span></li>`)}
      </ul>
    </section>
  `;
}
