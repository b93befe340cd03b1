/** The bar above everything: what mode, whether the line is live, and the halt, which is always in reach. */
import { live } from "../core/live.js";
import { to } from "../core/router.js";
import { mayAs, post } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Brand } from "./brand.js";
import { Confirm } from "./dialog.js";
import { Icon } from "./icons.js";
import { Tag } from "./states.js";

/** Paper or real money. */
function Mode({ mode }) {
  if (!mode) return null;
  return mode === "live"
    ? html`<${Tag} kind="bad" icon="warn">Live<span class="wide-only"> money</span></${Tag}>`
    : html`<${Tag} kind="accent" icon="note">${mode === "paper" ? "Paper" : mode}</${Tag}>`;
}

function Line({ line }) {
  const known = {
    live: ["", "live", "Live data"],
    connecting: ["", "clock", "Connecting"],
    lost: ["warn", "lost", "Reconnecting"],
    off: ["", "clock", "Off"],
  };
  const [kind, icon, text] = known[line];
  return html`<span class=${line === "lost" ? "" : "wide-only"}>
    <${Tag} kind=${kind} icon=${icon}><span class="wide-text">${text}</span></${Tag}>
  </span>`;
}

/** Stops everything, asked once, with a reason. */
function Halt() {
  const [asking, setAsking] = useState(false);
  const halted = useStore(live, (it) => it.status?.halted ?? false);
  if (!mayAs("operator")) return halted ? html`<${Tag} kind="bad" icon="halt">Halted</${Tag}>` : null;
  return html`<button class=${`button ${halted ? "" : "danger"}`} type="button" onClick=${() => setAsking(true)}>
      <${Icon} name="halt" />${halted ? "Halted" : "Halt"}
    </button>
    ${
      asking &&
      html`<${Confirm} title=${halted ? "Halt again?" : "Halt all trading?"} act="Halt now" danger reason run=${({ reason }) => post("/api/halt", { reason })} done="Trading is halted." onClose=${() => setAsking(false)}>
      <p>${halted ? "Trading is halted already. Halting again cancels whatever is still open." : "Every open order is cancelled and nothing new is sent, until a person resumes. Positions stay as they are."}</p>
    </${Confirm}>`
    }`;
}

/** The bar. */
export function Bar() {
  const mode = useStore(live, (it) => it.status?.mode);
  const line = useStore(live, (it) => it.line);
  return html`<header class="bar">
    <a class="brand" href=${to("now")} aria-label="ReadyTrader, now"><${Brand} /></a>
    <${Mode} mode=${mode} /><${Line} line=${line} />
    <span class="bar-space"></span>
    <${Halt} />
  </header>`;
}
