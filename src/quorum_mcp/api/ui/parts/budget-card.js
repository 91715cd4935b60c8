// @ts-check
/** One budget in its current period: a bar with its forecast, and the same in words. */
import { may } from "../lib/access.js";
import { money, until } from "../lib/format.js";
import { html } from "../lib/html.js";
import { Icon } from "./icon.js";
import { Meter } from "./meter.js";

/**
 * @typedef {object} Budget
 * @property {string} id @property {string} period @property {string|null} provider @property {string|null} organization @property {string|null} key_id
 * @property {number} limit @property {number} spent @property {number} reserved @property {number} remaining @property {number} percentage
 * @property {boolean} enforce @property {number} alert_threshold @property {string|null} resets_at @property {string|null} forecast
 * @property {number|null} projected @property {boolean} closed @property {"config"|"user"|"environment"|"default"} origin
 */

/** @type {Record<string, string>} */
const ORIGINS = { config: "from quorum.yaml", environment: "from a variable", default: "the default", user: "" };
/** @type {Record<string, string>} */
export const PERIODS = { hourly: "Hourly", daily: "Daily", weekly: "Weekly", monthly: "Monthly", total: "In total" };

/** @param {{budget: Budget, onEdit: () => void, onRemove: () => void}} props */
export function BudgetCard({ budget, onEdit, onRemove }) {
  const whose = scope(budget);
  const name = `${PERIODS[budget.period]}, ${whose}`;
  const near = budget.spent >= budget.limit * budget.alert_threshold;
  const kind = budget.closed || budget.spent >= budget.limit ? "unhealthy" : near ? "degraded" : "";
  const word = budget.closed ? "closed" : budget.spent >= budget.limit ? "spent" : near ? "nearly spent" : "";
  return html`
    <section class="card panel-card budget" aria-label=${name}>
      <header class="card-head">
        <div>
          <h2>${PERIODS[budget.period]}</h2>
          <p class="quiet card-note">${[whose, budget.enforce ? "" : "only alerts", ORIGINS[budget.origin]].filter(Boolean).join(" · ")}</p>
        </div>
        ${word && html`<span class=${`state state-${kind}`}><${Icon} name="warning" size=${16} />${word}</span>`}
      </header>
      <p class="budget-spent"><strong>${money(budget.spent)}</strong> <span class="quiet">of ${money(budget.limit)}</span><span class="budget-share">${share(budget.percentage)}</span></p>
      <${Meter} label=${`${name}: spent`} value=${budget.spent} most=${budget.limit} mark=${budget.limit * budget.alert_threshold}
        forecast=${budget.projected === null ? null : Math.min(budget.projected, budget.limit)} />
      <p class="budget-forecast">${heading(budget)}</p>
      <dl class="fact-list fact-row">
        <div><dt>Left</dt><dd>${money(budget.remaining)}</dd></div>
        <div><dt>Set aside</dt><dd>${money(budget.reserved)}</dd></div>
        <div><dt>Begins anew</dt><dd>${budget.resets_at ? until(budget.resets_at) : "never"}</dd></div>
      </dl>
      ${may("admin") && html`<footer class="card-actions">
        <button type="button" aria-label=${`Change: ${name}`} onClick=${onEdit}>Change</button>
        ${(budget.origin === "user" || budget.origin === "config") && html`<button type="button" class="plain" aria-label=${`Remove: ${name}`} onClick=${onRemove}>Remove</button>`}
      </footer>`}
    </section>
  `;
}

/** For whom a budget holds. @param {Budget} budget */
function scope({ provider, organization, key_id: key }) {
  const parts = [provider && `provider ${provider}`, organization && !key && `organisation ${organization}`, key && `key ${key}`];
  return parts.filter(Boolean).join(", ") || "everything";
}

/** @param {Budget} budget */
function heading({ closed, spent, limit, forecast, projected }) {
  if (closed) return "A bill above what was set aside has closed it. Setting it again opens it.";
  if (spent >= limit) return "Spent. Calls are refused until it begins anew.";
  if (forecast) return `At this rate it is spent ${until(forecast)}.`;
  if (projected === null) return "At this rate it lasts.";
  return spent ? `At this rate it ends at ${money(projected)}.` : "Nothing is spent in this period.";
}

/** @param {number} percentage */
function share(percentage) {
  return percentage > 0 && percentage < 1 ? "under 1 %" : `${Math.round(percentage)} %`;
}
