// @ts-check
/** Small pictures, drawn in the colour of the text around them. */
import { html } from "../lib/html.js";

/** @type {Record<string, string>} */
const PATHS = {
  auto: "M12 3a9 9 0 1 0 0 18V3Z M12 3a9 9 0 0 1 0 18",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z M12 2v2 M12 20v2 M4.9 4.9l1.4 1.4 M17.7 17.7l1.4 1.4 M2 12h2 M20 12h2 M4.9 19.1l1.4-1.4 M17.7 6.3l1.4-1.4",
  dark: "M20 14.5A8 8 0 0 1 9.5 4 8 8 0 1 0 20 14.5Z",
  help: "M9.2 9.2a2.8 2.8 0 1 1 4 2.6c-.8.4-1.2 1-1.2 1.9 M12 16.8v.2 M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12 M18 6L6 18",
  split: "M12 21v-8 M12 13L6 7 M12 13l6-6 M6 12V7h5 M18 12V7h-5",
  unclear: "M5 12h.01 M12 12h.01 M19 12h.01",
  stop: "M7 7h10v10H7Z",
  warning: "M12 4L2.8 19.5h18.4L12 4Z M12 10v4 M12 16.8v.2",
  send: "M5 12h14 M13 6l6 6-6 6",
  plus: "M12 5v14 M5 12h14",
  copy: "M9 9h11v11H9Z M5 15H4V4h11v1",
  chevron: "M6 9l6 6 6-6",
};

/** @param {{name: string}} props */
export function Icon({ name }) {
  return html`
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d=${PATHS[name]} />
    </svg>
  `;
}
