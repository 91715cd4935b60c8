// @ts-check
/** Shown instead of a page when the server wants a key. */
import { ApiError, get, locked, setKey } from "../lib/api.js";
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";

export function KeyField() {
  const problem = useSignal("");
  const busy = useSignal(false);
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (document.getElementById("key"));
    busy.value = true;
    setKey(field.value.trim());
    try {
      await get("api/sessions?limit=1");
      locked.value = null;
    } catch (error) {
      setKey(null);
      problem.value = error instanceof ApiError ? error.message : String(error);
    } finally {
      busy.value = false;
    }
  };
  return html`
    <section class="column key-field">
      <h1>A key, please</h1>
      <p>${locked.value?.message}. ${locked.value?.hint}</p>
      <form class="card" onSubmit=${submit}>
        <label for="key">Key</label>
        <input id="key" type="password" autocomplete="off" required spellcheck=${false}
          aria-describedby="key-note" aria-invalid=${problem.value ? "true" : "false"} />
        <p id="key-note" class="quiet">It stays in this tab and is forgotten when the tab is closed.</p>
        ${problem.value && html`<p class="field-error" role="alert">${problem.value}</p>`}
        <button class="primary" disabled=${busy.value}>Go on</button>
      </form>
    </section>
  `;
}
