// @ts-check
/** What came out: the answer, how far they agree, what that is worth, what speaks against it, what it cost. */
import { asMarkdown } from "../lib/as-markdown.js";
import { count, money, seconds } from "../lib/format.js";
import { html } from "../lib/html.js";
import { places } from "../lib/seats.js";
import { useSignal } from "../vendor/signals.js";
import { Agreement } from "./agreement.js";
import { Attack } from "./attack.js";
import { confidence } from "./confidence.js";
import { Dissent } from "./dissent.js";
import { Icon } from "./icon.js";
import { Points } from "./points.js";
import { Rich } from "./rich.js";
import { Ring } from "./ring.js";
import { Sources } from "./sources.js";
import { Thumbs } from "./thumbs.js";
import { toast } from "./toast.js";

/** @type {Record<string, {icon: string, words: string}>} */
const VERDICTS = {
  agree: { icon: "check", words: "They agree" },
  disagree: { icon: "split", words: "They disagree" },
  cannot_tell: { icon: "unclear", words: "Agreement cannot be told" },
};

/** @param {{id: string, turn: import("../lib/run.js").Turn}} props `id` of the session */
export function Answer({ id, turn }) {
  const result = turn.result.value;
  const verdict = VERDICTS[result.agreement] ?? VERDICTS.cannot_tell;
  const worth = confidence(result, turn.seats.length);
  return html`
    <section class="card answer" aria-label="The answer">
      <div class="answer-head">
        <${Ring} seats=${places(turn)} big=${worth.figure} small=${worth.caption} />
        <div class="answer-words">
          <p class=${`verdict verdict-${result.agreement}`}><${Icon} name=${verdict.icon} />${verdict.words}</p>
          <${Headline} text=${result.conclusion ?? result.groups[0]?.conclusion} />
          <p class="worth">${worth.meaning}</p>
        </div>
      </div>
      <div class="answer-text">
        <${Author} result=${result} />
        <${Rich} text=${result.consensus ?? ""} />
      </div>
      <${Cited} sources=${result.citations} />
      <${Agreement} turn=${turn} result=${result} />
      <${Points} points=${result.points} />
      <${Attack} attack=${result.attack} />
      <${Dissent} dissent=${result.dissent} />
      <${OpenQuestions} texts=${result.blind_spots} />
      <${Cost} id=${id} turn=${turn.number} result=${result} />
    </section>
  `;
}

/** The short answer that won, or the leading position. @param {{text: string|undefined}} props */
function Headline({ text }) {
  if (!text) return null;
  return html`<p class=${`conclusion ${text.length > 60 ? "conclusion-long" : ""}`} dir="auto">${text}</p>`;
}

/** Whose words the answer is in. @param {{result: any}} props */
function Author({ result }) {
  const responses = /** @type {any[]} */ (result.provider_responses);
  const own = responses.find((one) => one.seat !== null && one.content && one.content === result.consensus);
  if (own) return html`<p class="author">In the words of <bdi>${own.member}</bdi></p>`;
  const writer = responses.find((one) => one.role === "synthesizer" && one.status === "ok");
  return writer ? html`<p class="author">Written by <bdi>${writer.provider}/${writer.model}</bdi> from what the seats said</p>` : null;
}

/** @param {{sources: import("./sources.js").Source[]}} props */
function Cited({ sources }) {
  if (!sources?.length) return null;
  return html`
    <section class="answer-part">
      <h2>Sources</h2>
      <${Sources} sources=${sources} />
    </section>
  `;
}

/** @param {{texts: string[]}} props */
function OpenQuestions({ texts }) {
  if (!texts?.length) return null;
  return html`
    <section class="answer-part">
      <h2>Nobody answered</h2>
      <ul>${texts.map((text) => html`<li dir="auto">${text}</li>`)}</ul>
    </section>
  `;
}

/** @param {{id: string, turn: number, result: any}} props */
function Cost({ id, turn, result }) {
  const copied = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(asMarkdown(result));
    copied.value = true;
    toast("Copied as Markdown");
  };
  const cost = `${result.cost_complete ? "" : "at least "}${money(result.total_cost)}`;
  return html`
    <footer class="answer-foot">
      <p class="facts">
        <span><strong>${cost}</strong></span>
        <span>${count(result.calls, "call")}</span>
        <span>${count(result.rounds, "round")}</span>
        <span>${seconds(result.duration)}</span>
      </p>
      <div class="answer-actions">
        <${Thumbs} id=${id} turn=${turn} />
        <button type="button" class="plain labelled" onClick=${copy}>
          <${Icon} name=${copied.value ? "check" : "copy"} size=${18} />${copied.value ? "Copied" : "Copy as Markdown"}
        </button>
      </div>
    </footer>
  `;
}
