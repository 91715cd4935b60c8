// @ts-check
/** The question with its mode, panel and context. */
import { may } from "../lib/access.js";
import { ApiError } from "../lib/api.js";
import { loadProviders, mode, providers, question, ready, send } from "../lib/draft.js";
import { attach } from "../lib/files.js";
import { html } from "../lib/html.js";
import { go, sessionPath } from "../lib/router.js";
import { onKey } from "../lib/shortcuts.js";
import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Attachments } from "./attachments.js";
import { ErrorBox } from "./error-box.js";
import { EstimateLine } from "./estimate-line.js";
import { Growing } from "./growing.js";
import { Icon } from "./icon.js";
import { ModeChoice } from "./mode-choice.js";
import { PanelPicker } from "./panel-picker.js";

const LONGEST = 50_000; // characters, as the server takes them

export function Composer() {
  const field = useRef(/** @type {HTMLTextAreaElement|null} */ (null));
  const problem = useSignal(/** @type {ApiError|null} */ (null));
  const busy = useSignal(false);
  useEffect(() => onKey("/", () => field.current?.focus()), []);
  useEffect(() => {
    if (may("read")) loadProviders().catch((error) => {
      if (error.status !== 401) problem.value = error;
    });
  }, []);

  const ask = async () => {
    if (!ready.value || busy.value) return;
    busy.value = true;
    problem.value = null;
    try {
      go(sessionPath(await send()));
    } catch (error) {
      if (error instanceof ApiError && error.status !== 401) problem.value = error;
    } finally {
      busy.value = false;
    }
  };
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      ask();
    }
  };

  /** @param {DragEvent} event */
  const drop = (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    attach([...event.dataTransfer.files]);
  };

  return html`
    <form class="card composer" onKeyDown=${keys} onDragOver=${(/** @type {DragEvent} */ event) => event.preventDefault()} onDrop=${drop} onSubmit=${(/** @type {Event} */ event) => {
      event.preventDefault();
      ask();
    }}>
      <label class="unseen" for="question">Question</label>
      <${Growing} id="question" field=${field} value=${question} maxlength=${LONGEST} rows="2"
        placeholder="What should they think about?" />
      <${Examples} />
      <${ModeChoice} value=${mode} />
      <${PanelPicker} />
      <${Attachments} />
      ${problem.value && html`<${ErrorBox} error=${problem.value} alert />`}
      <div class="composer-foot">
        <${EstimateLine} />
        <span class="hint"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span>
        <button class="primary big" aria-disabled=${!ready.value || busy.value}>
          <span>${busy.value ? "Asking …" : "Ask"}</span><${Icon} name="send" />
        </button>
      </div>
    </form>
  `;
}

const EXAMPLES = [
  "What is 17% of 2,340?",
  "How many days are there from 3 March 2024 to 1 May 2025?",
  "Should a small team keep one repository or several?",
];

/** Something to begin with, while the field is empty. */
function Examples() {
  if (question.value || providers.value === null) return null;
  return html`
    <ul class="examples" aria-label="Examples">
      ${EXAMPLES.map(
        (text) => html`
          <li>
            <button type="button" onClick=${() => {
              question.value = text;
              document.getElementById("question")?.focus();
            }}>${text}</button>
          </li>
        `,
      )}
    </ul>
  `;
}
