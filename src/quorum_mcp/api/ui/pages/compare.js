// @ts-check
/** Two sessions side by side: whether they came to the same, and what each took for it. */
import { may } from "../lib/access.js";
import { post } from "../lib/api.js";
import { MODES, count, money, percent, seconds, shortName } from "../lib/format.js";
import { html } from "../lib/html.js";
import { useLoad } from "../lib/load.js";
import { params, sessionPath } from "../lib/router.js";
import { Card, PageFrame } from "../parts/page.js";
import { Rich } from "../parts/rich.js";
import { Empty, Shown } from "../parts/states.js";
import { Status, isOpen } from "../parts/status.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";

const AGAIN = 3000; // milliseconds between two looks at a session that is running

/** @typedef {any} Session as `GET /api/session/{id}` answers it */

/** @type {Record<string, string>} */
const VERDICTS = {
  agree: "Both come to the same",
  disagree: "They come to different answers",
  cannot_tell: "Whether they come to the same cannot be told",
};
/** @type {Record<string, string>} */
const AGREEMENTS = { agree: "they agree", disagree: "they disagree", cannot_tell: "cannot be told" };

export function Page() {
  const [a, b] = [params.value.get("a"), params.value.get("b")];
  const one = useSession(a);
  const other = useSession(b);
  if (!a || !b) {
    return html`<${Empty} title="Two sessions are needed" level=${1} icon="compare">Choose two of <a href="#/sessions">the list</a>.<//>`;
  }
  const both = one.data && other.data ? [one.data, other.data] : null;
  return html`
    <${PageFrame} title="Two sessions side by side" lead=${both && both[0].query === both[1].query ? both[0].query : undefined}>
      ${both && html`<${Verdict} sessions=${both} />`}
      <div class="pair">
        <${Shown} of=${one}>${(/** @type {Session} */ session) => html`<${Side} session=${session} same=${both?.[0].query === both?.[1].query} />`}<//>
        <${Shown} of=${other}>${(/** @type {Session} */ session) => html`<${Side} session=${session} same=${both?.[0].query === both?.[1].query} />`}<//>
      </div>
    <//>
  `;
}

/** A session, read again while it goes on. @param {string|null} id */
function useSession(id) {
  const open = useSignal(false);
  const loaded = useLoad(id ? `api${sessionPath(id)}` : null, { every: open.value ? AGAIN : 0 });
  useEffect(() => {
    open.value = loaded.data !== null && isOpen(loaded.data.status);
  }, [loaded.data]);
  return loaded;
}

/** Whether the two answers say the same, as the server compares them. @param {{sessions: Session[]}} props */
function Verdict({ sessions: [one, other] }) {
  const found = useSignal(/** @type {string|null} */ (null));
  useEffect(() => {
    found.value = null;
    if (!may("ask") || !one.consensus || !other.consensus) return;
    const control = new AbortController();
    post("api/agreement", { a: one.consensus, b: other.consensus, question: one.query }, control.signal)
      .then((answer) => {
        found.value = answer.agreement;
      })
      .catch(() => undefined); // the two stand there all the same
    return () => control.abort();
  }, [one.session_id, other.session_id]);
  if (!found.value) return null;
  return html`<p class=${`pair-verdict verdict verdict-${found.value}`}>${VERDICTS[found.value] ?? VERDICTS.cannot_tell}</p>`;
}

/** @param {{session: Session, same: boolean}} props `same`: both have one question, which stands above them */
function Side({ session, same }) {
  const seats = /** @type {any[]} */ (session.provider_responses).filter((one) => one.seat !== null && one.status !== "skipped");
  const last = [...new Map(seats.map((one) => [one.member, one])).values()];
  return html`
    <${Card} title=${html`<a href=${`#${sessionPath(session.session_id)}`}><bdi>${same ? (MODES[session.mode] ?? session.mode) : session.query}</bdi></a>`}
      actions=${html`<${Status} status=${session.status} />`}>
      ${session.conclusion && html`<p class="conclusion" dir="auto">${session.conclusion}</p>`}
      <dl class="facts-list">
        ${facts(session, last.length).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
      </dl>
      ${session.error && html`<p class="field-error">${session.error.message}</p>`}
      ${session.consensus && html`<div class="pair-text"><${Rich} text=${session.consensus} /></div>`}
      <ul class="pair-seats" aria-label="What each seat came to">
        ${last.map((one) => html`
          <li><bdi class="quiet">${shortName(one.member)}</bdi><bdi>${one.status === "ok" ? (one.conclusion ?? "no short conclusion") : one.status}</bdi></li>
        `)}
      </ul>
    <//>
  `;
}

/** @param {Session} session @param {number} seats @returns {[string, string][]} */
function facts(session, seats) {
  return [
    ["Mode", MODES[session.mode] ?? session.mode],
    ["Agreement", AGREEMENTS[session.agreement] ?? "none"],
    ["Confidence", session.confidence === null ? "not measured" : `${percent(session.confidence)}, ${session.calibration}`],
    ["Panel", `${count(seats, "seat")}, ${count(session.rounds, "round")}, ${count(session.calls, "call")}`],
    ["Cost", money(session.total_cost)],
    ["Took", session.duration ? seconds(session.duration) : "…"],
  ];
}
