/** Small drawings, one stroke each. They accompany a word and are silent to a screen reader. */
import { html } from "../core/ui.js";

const PATHS = {
  now: "M4 13h4l3-7 4 12 3-5h3",
  approvals: "M5 12.500l4.500 4.500L19 7",
  orders: "M5 6h14M5 12h14M5 18h9",
  journal: "M7 4h11v16H7a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM9 9h6M9 13h6",
  limits: "M4 17a8 8 0 0 1 16 0M12 17l4-6",
  agents: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
  plugins: "M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3",
  notices: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  insights: "M4 19V9M10 19V5M16 19v-7M22 19H2",
  reports: "M6 3h8l4 4v14H6zM14 3v4h4M9 13h6M9 17h6",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4v6M8 14v6",
  security: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z",
  more: "M5 12h.010M12 12h.010M19 12h.010",
  halt: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM9 12h6",
  good: "M5 12.500l4.500 4.500L19 7",
  bad: "M6 6l12 12M18 6L6 18",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.010",
  note: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.010",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  up: "M12 5l7 13H5z",
  down: "M12 19L5 6h14z",
  live: "M12 14a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM7 17a7 7 0 0 1 0-10M17 7a7 7 0 0 1 0 10",
  lost: "M4 4l16 16M7 17a7 7 0 0 1-1-8M17 7a7 7 0 0 1 1 8",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  key: "M14 10a4 4 0 1 0-3.500 4L21 14M18 14v3M8.500 10h.010",
  close: "M6 6l12 12M18 6L6 18",
};

/** A drawing by its name. */
export function Icon({ name, size = 20 }) {
  const filled = name === "up" || name === "down";
  return html`<svg
    width=${size}
    height=${size}
    viewBox="0 0 24 24"
    aria-hidden="true"
    focusable="false"
    fill=${filled ? "currentColor" : "none"}
    stroke="currentColor"
    stroke-width="2"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    <path d=${PATHS[name]} />
  </svg>`;
}
