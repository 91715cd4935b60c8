// @ts-check
/** A call in the words of each tool, to copy. */
import { html } from "../lib/html.js";
import { useSignal } from "../vendor/signals.js";
import { CopyButton } from "./copy-button.js";
import { Tabs } from "./tabs.js";

const TOOLS = [
  { id: "curl", title: "curl" },
  { id: "python", title: "Python" },
  { id: "cli", title: "Command line" },
  { id: "mcp", title: "MCP" },
];

/** @param {{copies: Record<string, string>}} props */
export function Copies({ copies }) {
  const tool = useSignal("curl");
  return html`
    <${Tabs} label="Tool" tabs=${TOOLS} chosen=${tool.value} onChoose=${(/** @type {string} */ id) => {
      tool.value = id;
    }}>
      <div class="copy-box">
        <pre class="code" tabindex="0" role="region" aria-label="The call">${copies[tool.value]}</pre>
        <${CopyButton} text=${copies[tool.value]} />
      </div>
    <//>
  `;
}
