// @ts-check
/** Shown instead of a page when the server wants a key. */
import { logIn } from "../lib/access.js";
import { ApiError, locked } from "../lib/api.js";
import { html } from "../lib/html.js";
import { useEffect } from "../vendor/preact-hooks.js";
import { useSignal } from "../vendor/signals.js";
import { Field } from "./field.js";
import { Mark } from "./mark.js";

export function KeyField() {
  const key = useSignal("");
  const problem = useSignal("");
  const busy = useSignal(false);
  useEffect(() => {
    document.title = "Log in · Quorum";
    document.getElementById("key")?.focus();
  }, []);
  /** @param {SubmitEvent} event */
  const submit = async (event) => {
    event.preventDefault();
    busy.value = true;
    try {
      await logIn(key.value.trim());
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      problem.value = [error.message, error.hint].filter(Boolean).join("; ");
    } finally {
      busy.value = false;
    }
  };
  return html`
    <section class="column key-field">
      <${Mark} />
      <h1>A key, please</h1>
      <p class="sentence-start">${locked.value?.message}. Whoever runs this server can make one: <code>quorum keys create</code></p>
      <form class="card form" onSubmit=${submit}>
        <${Field} id="key" label="Key" type="password" value=${key} required spellcheck=${false} error=${problem.value}
          autocomplete="current-password" help="The browser keeps a cookie that stands for it, for a week or until you log out. No script can read it." />
        <button class="primary" disabled=${busy.value}>Log in</button>
      </form>
    </section>
  `;
}
