/** How much of a limit is used, as a bar, a figure and a word. */
import { amount, forDrawing, percent, words } from "../core/format.js";
import { html } from "../core/ui.js";

const CLOSE_PCT = 80;

function level(pct) {
  if (pct === null) return ["", ""];
  if (pct > 100) return ["bad", "over the limit"];
  if (pct === 100) return ["bad", "used up"];
  return pct >= CLOSE_PCT ? ["warn", "nearly used up"] : ["", ""];
}

const clamp = (value) => Math.min(100, Math.max(0, value ?? 0));

const YES_NO = { true: "yes", false: "no" };
const ONE = { orders: "order", persons: "person", rejections: "rejection", sources: "source" };

/** A value with its unit, where it does not carry one itself. */
export function withUnit(value, unit) {
  if (value === null || value === undefined) return "–";
  const text = String(value);
  if (!/^-?\d/.test(text)) return YES_NO[text] ?? text.replace(/,(?=\S)/g, ", ");
  if (unit === "%" || unit === "pct") return percent(text.replace(/\s*%$/, ""));
  if (text.split(" ")[0] === "1" && ONE[unit]) return `1\u00a0${ONE[unit]}`;
  // A number without a unit is no amount: a port is written as the configuration writes it.
  if (!unit) return /\s/.test(text) ? amount(text) : text;
  return amount(text.endsWith(unit) ? text : `${text} ${unit}`);
}

/** One limit and what is used of it. */
export function Gauge({ name, used, limit, unit, usedPct }) {
  const pct = forDrawing(usedPct);
  const [kind, said] = level(pct);
  return html`<li class="gauge">
    <span class="gauge-name">${words(name)}</span>
    <span class="gauge-value">${withUnit(used, unit)} <span class="soft">of ${withUnit(limit, unit)}</span></span>
    <span
      class="gauge-bar"
      role="meter"
      aria-label=${name}
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${Math.round(clamp(pct))}
      aria-valuetext=${`${percent(usedPct)} used`}
    >
      <span class=${`gauge-fill ${kind}`} style=${{ width: `${clamp(pct)}%` }}></span>
    </span>
    <span class="gauge-note"><span>${percent(usedPct)} used</span>${said && html`<strong class=${kind}>${said}</strong>`}</span>
  </li>`;
}

/** One limit before and after a proposal: what is used already is solid, what would come is hatched. */
export function Change({ rule, name, before, after, limit, unit, afterPct }) {
  const full = forDrawing(afterPct);
  const used = forDrawing(before);
  const whole = forDrawing(after);
  const usedPct = full === null || !whole ? 0 : clamp((Math.min(used ?? 0, whole) / whole) * full);
  const [kind, said] = level(full);
  return html`<li class="gauge">
    <span class="gauge-name">${words(name || rule)}</span>
    <span class="gauge-value">
      ${withUnit(before, unit)} <span aria-hidden="true">→ </span><span class="unseen">then </span>
      <strong>${withUnit(after, unit)}</strong>
    </span>
    <span
      class="gauge-bar"
      role="meter"
      aria-label=${words(name || rule)}
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${Math.round(clamp(full))}
      aria-valuetext=${`${percent(afterPct)} used afterwards`}
    >
      <span class="gauge-fill" style=${{ width: `${usedPct}%` }}></span>
      <span class="gauge-more" style=${{ width: `${Math.max(0, clamp(full) - usedPct)}%` }}></span>
    </span>
    <span class="gauge-note"
      ><span>Limit ${withUnit(limit, unit)}</span
      ><span>${percent(afterPct)} afterwards${said && html`, <strong class=${kind}>${said}</strong>`}</span></span
    >
  </li>`;
}
