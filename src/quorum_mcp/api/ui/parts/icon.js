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
  left: "M15 6l-6 6 6 6",
  right: "M9 6l6 6-6 6",
  up: "M6 15l6-6 6 6",
  menu: "M4 7h16 M4 12h16 M4 17h16",
  more: "M5 12h.01 M12 12h.01 M19 12h.01",
  ask: "M4 5h16v11H11l-4.5 4V16H4Z",
  sessions: "M4 6h16 M4 12h16 M4 18h10",
  providers: "M4 5h16v6H4Z M4 13h16v6H4Z M7.5 8h.01 M7.5 16h.01",
  budget: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Z M14.8 9.2c-.5-.9-1.5-1.4-2.8-1.4-1.600 0-2.800.8-2.800 2.100 0 2.900 5.800 1.300 5.800 4.200 0 1.300-1.300 2.100-3 2.100-1.400 0-2.500-.6-3-1.500 M12 6.200v1.600 M12 16.200v1.600",
  performance: "M4 19V5 M4 19h16 M8 15l4-5 3 2.500 5-6.500",
  calls: "M4 6h8 M8 12h9 M6 18h14",
  playground: "M8 6l-5 6 5 6 M16 6l5 6-5 6 M13.500 4.500l-3 15",
  keys: "M14.500 9.500a4.500 4.500 0 1 1-4.400-4.500 4.500 4.500 0 0 1 4.400 4.500Z M13.300 12.700L20 19.400 M17 16.400l-2 2",
  settings: "M4 7h9 M17 7h3 M4 17h3 M11 17h9 M15 5v4 M9 15v4",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13Z M15.500 15.500L20 20",
  download: "M12 4v11 M7 11l5 5 5-5 M5 20h14",
  again: "M19 12a7 7 0 1 1-2.300-5.200 M19 4v4h-4",
  compare: "M4 5h7v14H4Z M13 5h7v14h-7Z",
  up_thumb: "M7 11v9H4v-9Z M7 11l4-7c1.500 0 2.300 1 2 2.500L12.500 10H19c1 0 1.700.9 1.400 1.900l-1.800 6.600c-.2.900-1 1.500-1.900 1.500H7",
  down_thumb: "M17 13V4h3v9Z M17 13l-4 7c-1.500 0-2.300-1-2-2.500L11.500 14H5c-1 0-1.700-.9-1.400-1.900l1.800-6.600C5.600 4.600 6.400 4 7.300 4H17",
  logout: "M10 4H5v16h5 M15 8l4 4-4 4 M19 12H9",
  file: "M6 3h8l4 4v14H6Z M14 3v4h4",
};

/** @param {{name: string, size?: number}} props `size` in pixels */
export function Icon({ name, size = 20 }) {
  return html`
    <svg class="icon" viewBox="0 0 24 24" width=${size} height=${size} aria-hidden="true" focusable="false">
      <path d=${PATHS[name]} />
    </svg>
  `;
}
