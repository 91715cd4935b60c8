// @ts-check
/** Setting a budget, or changing one. */
import { ApiError, post } from "../lib/api.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { useSignal } from "../vendor/signals.js";
import { PERIODS } from "./budget-card.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./error-box.js";
import { Check, Field } from "./field.js";
import { toast } from "./toast.js";

/** @typedef {import("./budget-card.js").Budget} Budget */

/** @param {{budget: Budget|null, onClose: () => void, onSet: () => Promise<void>}} props `budget` is changed; null: a new one */
export function BudgetForm({ budget, onClose, onSet }) {
  const period = useSignal(budget?.period ?? "daily");
  const limit = useSignal(budget ? String(budget.limit) : "");
  const provider = useSignal(budget?.provider ?? "");
  const organization = useSignal(budget?.organization ?? "");
  const key = useSignal(budget?.key_id ?? "");
  const threshold = useSignal(String(Math.round((budget?.alert_threshold ?? 0.8) * 100)));
  const enforce = useSignal(budget?.enforce ?? true);
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const busy = useSignal(false);
  const choices = useChoices();
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    busy.value = true;
    try {
      await post("api/budget", {
        period: period.value,
        limit: Number(limit.value.replace(",", ".")),
        provider: provider.value || null,
        organization: organization.value || null,
        key_id: key.value || null,
        alert_threshold: Number(threshold.value) / 100,
        enforce: enforce.value,
      });
      toast("The budget is set");
      onClose();
      await onSet();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = error;
    } finally {
      busy.value = false;
    }
  };
  const fixed = budget !== null;
  return html`
    <${Dialog} title=${fixed ? "Change the budget" : "Set a budget"} onClose=${onClose}>
      <form class="form" onSubmit=${submit}>
        <div class="form-row">
          <${Field} id="budget-limit" label="Limit in USD" value=${limit} inputmode="decimal" required autofocus pattern="[0-9]*[.,]?[0-9]+" title="An amount such as 25 or 0.50" />
          <${Field} id="budget-period" label="For each period" value=${period} disabled=${fixed} options=${Object.entries(PERIODS).map(([value, label]) => ({ value, label }))} />
        </div>
        <${Field} id="budget-provider" label="Provider" value=${provider} disabled=${fixed} options=${choices.providers} />
        <div class="form-row">
          <${Field} id="budget-organization" label="Organisation" value=${organization} disabled=${fixed} options=${choices.organizations} />
          <${Field} id="budget-key" label="API key" value=${key} disabled=${fixed} options=${choices.keys} />
        </div>
        <${Field} id="budget-threshold" label="Alert at, in percent" type="number" min="1" max="100" value=${threshold} required />
        <${Check} label="Refuse calls that do not fit" value=${enforce} />
        <p class="field-help">${fixed ? "To change whom it holds for, set another one and remove this." : "A budget for the same period, provider, organisation and key is replaced."}</p>
        ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
        <div class="buttons">
          <button type="button" onClick=${onClose}>Cancel</button>
          <button class="primary" disabled=${busy.value}>${fixed ? "Change" : "Set"}</button>
        </div>
      </form>
    <//>
  `;
}

/** Whom a budget may hold for. */
function useChoices() {
  const providers = useLoad("api/providers").data?.providers ?? [];
  const organizations = useLoad("api/organizations").data?.organizations ?? [];
  const keys = useLoad("api/keys?limit=500").data?.keys ?? [];
  const all = (/** @type {string} */ label) => ({ value: "", label });
  return {
    providers: [all("All"), ...providers.filter((/** @type {any} */ one) => one.status !== "unconfigured").map((/** @type {any} */ one) => ({ value: one.name, label: one.title }))],
    organizations: [all("All"), ...organizations.map((/** @type {any} */ one) => ({ value: one.id, label: one.name }))],
    keys: [all("All"), ...keys.filter((/** @type {any} */ one) => one.status === "active").map((/** @type {any} */ one) => ({ value: one.id, label: `${one.name} (…${one.hint})` }))],
  };
}
