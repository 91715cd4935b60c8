// @ts-check
/** Who is asked: each seat with its health and what it may cost, and the way to choose others. */
import { estimated, panel, providers } from "../lib/draft.js";
import { money, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";
import { PanelChoice, STATES } from "./panel-choice.js";

export function PanelPicker() {
  return html`
    <details class="panel">
      <summary>
        <span class="panel-label">Panel</span>
        <span class="chips">
          ${panel.value.length === 0 && html`<span class="panel-default">the default panel</span>`}
          ${members().map((name) => html`<${Seated} key=${name} name=${name} />`)}
        </span>
        <${Icon} name="chevron" />
      </summary>
      <${PanelChoice} value=${panel} />
    </details>
  `;
}

/** Who will sit there: the models chosen, else the default panel as the server told it. */
function members() {
  return panel.value.length ? panel.value : (estimated.value?.seats ?? []);
}

/** A model of the panel: its provider's health, its name, what one answer of it may cost. @param {{name: string}} props */
function Seated({ name }) {
  const provider = (providers.value ?? []).find((one) => name.startsWith(`${one.name}/`));
  const most = estimated.value?.per_seat_usd[name];
  const health = provider ? `${provider.title || provider.name} is ${STATES[provider.status] ?? provider.status}` : "";
  return html`
    <span class="chip" title=${[name, health, provider?.reason].filter(Boolean).join(", ")}>
      <span class=${`dot dot-${provider?.status ?? "unknown"}`} aria-hidden="true"></span>
      <bdi>${panel.value.length ? name : shortName(name)}</bdi>
      ${provider && provider.status !== "healthy" && html`<span class="chip-note">${STATES[provider.status] ?? provider.status}</span>`}
      ${most !== undefined && most !== null && most > 0 && html`<span class="chip-note">≤ ${money(most)}</span>`}
    </span>
  `;
}
