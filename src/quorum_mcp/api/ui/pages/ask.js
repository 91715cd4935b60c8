// @ts-check
/** The first page: a question, whom to ask and how, and the last sessions. */
import { may } from "../lib/access.js";
import { html } from "../lib/html.js";
import { Composer } from "../parts/composer.js";
import { Ring } from "../parts/ring.js";
import { Recent } from "../parts/recent.js";
import { useEffect } from "../vendor/preact-hooks.js";

const EMBLEM = Array.from({ length: 7 }, (_, index) => ({
  label: "",
  state: index === 3 ? "other" : "behind",
}));

export function Page() {
  useEffect(() => {
    document.title = "Quorum";
  }, []);
  return html`
    <div class="column ask">
      <header class="hero">
        <${Ring} seats=${EMBLEM} size="small" />
        <h1>Ask a panel of models</h1>
        <p class="lead">
          They answer apart from each other. You get one answer, how far they agree, what speaks against it, and
          what it cost.
        </p>
      </header>
      <${Composer} />
      ${may("read") && html`<${Recent} />`}
    </div>
  `;
}
