/** What a view says while it waits, when there is nothing, and when something failed. */
import { html } from "../core/ui.js";
import { Icon } from "./icons.js";

/** While the first answer is awaited. */
export function Loading({ what = "Loading" }) {
  return html`<div class="loading" role="status">
    <span></span><span></span><span></span>
    <p class="unseen">${what}…</p>
  </div>`;
}

/** When there is nothing to show, and what that means. */
export function Nothing({ title, children }) {
  return html`<div class="nothing"><strong>${title}</strong>${children}</div>`;
}

/** A message with its kind as colour and drawing: good, note, warn, bad. */
export function Message({ kind = "note", role, children }) {
  return html`<div class=${`message ${kind}`} role=${role ?? (kind === "bad" ? "alert" : undefined)}>
    <${Icon} name=${kind} />
    <div>${children}</div>
  </div>`;
}

/** A failure, with a way to try again. */
export function Failed({ error, again }) {
  return html`<${Message} kind="bad">
    <p>${error.message}</p>
    ${again && html`<button class="button" type="button" onClick=${again}>Try again</button>`}
  </${Message}>`;
}

/**
 * A resource's content, or why there is none. What was loaded before stays while it is asked for again; an error then
 * stands above it, so that old figures are never taken for new ones.
 */
export function Resource({ of, what, children }) {
  if (of.data === null)
    return of.error ? html`<${Failed} error=${of.error} again=${of.reload} />` : html`<${Loading} what=${what} />`;
  return html`${of.error && html`<${Message} kind="warn" role="status">Not up to date: ${of.error.message}</${Message}>`}${children(of.data)}`;
}

const TAG_DRAWINGS = { good: "good", warn: "warn", bad: "bad" };

/** One word of state; its drawing says what its colour says. */
export function Tag({ kind = "", children, icon }) {
  const drawing = icon ?? TAG_DRAWINGS[kind];
  return html`<span class=${`tag ${kind}`}
    >${drawing && html`<${Icon} name=${drawing} size=${14} />`}${children}</span
  >`;
}

/** Buy or sell, as arrow, word and colour. */
export function Side({ side }) {
  const buys = String(side).toLowerCase() === "buy";
  return html`<span class=${`side ${buys ? "buy" : "sell"}`}
    ><${Icon} name=${buys ? "up" : "down"} size=${11} />${buys ? "Buy" : "Sell"}</span
  >`;
}

/** A panel with its heading. */
export function Panel({ title, id, actions, flush = false, children, className = "", level = 2 }) {
  const heading = id ?? title.toLowerCase().replaceAll(/[^a-z]+/g, "-");
  return html`<section class=${`panel ${className}`} aria-labelledby=${heading}>
    <div class="panel-head">
      ${level === 3 ? html`<h3 id=${heading}>${title}</h3>` : html`<h2 id=${heading}>${title}</h2>`}${actions && html`<div class="row">${actions}</div>`}
    </div>
    <div class=${`panel-body ${flush ? "flush" : ""}`}>${children}</div>
  </section>`;
}

/** A view's heading: it takes the focus when the view is shown. */
export function ViewHead({ title, children, actions }) {
  return html`<div class="view-head">
    <div>
      <h1 tabindex="-1">${title}</h1>
      ${children && html`<p>${children}</p>`}
    </div>
    ${actions && html`<div class="row">${actions}</div>`}
  </div>`;
}
