// @ts-check
/** Budgets: how each stands and where it is heading, what was alerted, and who spent what on whom. */
import { may } from "../lib/access.js";
import { remove } from "../lib/api.js";
import { ago, money } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLive } from "../lib/live.js";
import { useLoad } from "../lib/load.js";
import { BudgetCard } from "../parts/budget-card.js";
import { BudgetForm } from "../parts/budget-form.js";
import { Confirm } from "../parts/confirm.js";
import { Icon } from "../parts/icon.js";
import { Card, PageFrame } from "../parts/page.js";
import { Spending } from "../parts/spending.js";
import { Empty, Shown } from "../parts/states.js";
import { toast } from "../parts/toast.js";
import { useSignal } from "../vendor/signals.js";

const AGAIN = 10_000; // milliseconds
const ALERTS = 6;

/** @typedef {import("../parts/budget-card.js").Budget} Budget */
/** @typedef {{timestamp: string, budget: string, message: string, percentage: number}} Alert */

export function Page() {
  const budgets = useLoad("api/budget", { every: AGAIN });
  const alerts = useLoad("api/budget/alerts", { every: AGAIN * 3 });
  const editing = useSignal(/** @type {Budget|"new"|null} */ (null));
  const removing = useSignal(/** @type {Budget|null} */ (null));
  const live = useLive({
    "budget.alert": (alert) => {
      toast(alert.message, "warning");
      budgets.reload();
      alerts.reload();
    },
  });
  const close = () => {
    editing.value = null;
    removing.value = null;
  };
  const drop = async () => {
    await remove(`api/budget/${encodeURIComponent(/** @type {Budget} */ (removing.value).id)}`);
    toast("The budget is removed");
    close();
    await budgets.reload();
  };
  const set = (/** @type {Budget|"new"} */ which) => () => {
    editing.value = which;
  };
  const actions = may("admin") && html`<button type="button" class="primary" onClick=${set("new")}><${Icon} name="plus" size=${18} />Set a budget</button>`;
  return html`
    <${PageFrame} title="Budget" lead="What may be spent, what is, and where it is heading. An enforced budget is never overspent." actions=${actions}>
      <${Shown} of=${budgets}>${(/** @type {{budgets: Budget[], global: {total_spent: number}}} */ data) => html`
        ${data.budgets.length === 0 && html`<${Empty} title="No budget concerns you" icon="budget">Whoever runs this server may set one.<//>`}
        <div class="grid budget-grid">
          ${data.budgets.map((budget) => html`
            <${BudgetCard} key=${budget.id} budget=${budget} onEdit=${set(budget)} onRemove=${() => {
              removing.value = budget;
            }} />
          `)}
        </div>
      `}<//>
      <div class="two-columns">
        <${Spending} />
        <${Alerts} alerts=${alerts} live=${live} />
      </div>
      ${editing.value && html`<${BudgetForm} budget=${editing.value === "new" ? null : editing.value} onClose=${close} onSet=${budgets.reload} />`}
      ${removing.value && html`<${Confirm} title="Remove this budget?" action="Remove" onClose=${close} onConfirm=${drop}>
        The ${removing.value.period} budget of ${money(removing.value.limit)} goes. What is set aside for running calls goes on.
      <//>`}
    <//>
  `;
}

/** @param {{alerts: import("../lib/load.js").Loaded<{alerts: Alert[]}>, live: boolean}} props */
function Alerts({ alerts, live }) {
  const note = live ? html`<span class="live-dot" aria-hidden="true"></span>live` : "looked for every half minute";
  return html`
    <${Card} title="Alerts" note=${note} kind="alerts">
      <${Shown} of=${alerts}>${(/** @type {{alerts: Alert[]}} */ data) =>
        data.alerts.length === 0
          ? html`<p class="quiet">None. One is raised when a budget’s threshold or its limit is reached.</p>`
          : html`<ul class="alert-list">
              ${data.alerts.slice(0, ALERTS).map((alert) => html`
                <li key=${`${alert.budget} ${alert.timestamp}`} class=${alert.percentage >= 100 ? "alert-over" : ""}>
                  <${Icon} name="warning" size=${18} /><p>${alert.message}<time class="quiet" datetime=${alert.timestamp}>${ago(alert.timestamp)}</time></p>
                </li>
              `)}
            </ul>`}<//>
    <//>
  `;
}
