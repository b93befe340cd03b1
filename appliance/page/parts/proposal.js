/** One proposal, whole: what would be done, at what price at worst, what it costs, and what it does to each limit. */
import { nowThere } from "../core/live.js";
import { amount, countdown, forDrawing, moment, shortMoment, words } from "../core/format.js";
import { html, useEffect, useState } from "../core/ui.js";
import { Icon } from "./icons.js";
import { Change, withUnit } from "./gauge.js";
import { Message, Side, Tag } from "./states.js";

const LASTS = {
  gtc: "until cancelled",
  ioc: "at once or not at all, in part if need be",
  fok: "at once and whole, or not at all",
  day: "for the day",
};

/** What would be done, as one sentence. */
export function deedOf(detail) {
  if (!detail.symbol) return words(detail.asks);
  return `${words(detail.side)} ${amount(detail.quantity ?? null)} of ${detail.symbol} at ${detail.venue}, for ${amount(detail.notional_max ?? null)} at most`;
}

/** The time that is left, by the appliance's clock. */
export function Clock({ detail }) {
  const [now, setNow] = useState(nowThere());
  useEffect(() => {
    const timer = setInterval(() => setNow(nowThere()), 500);
    return () => clearInterval(timer);
  }, []);
  const ends = new Date(detail.expires_at).getTime();
  const whole = ends - new Date(detail.made_at).getTime();
  const left = Math.max(0, ends - now);
  return html`<div class="clock">
    <span class="hint">${left > 0 ? "Time left" : "Its time is over"}</span
    ><strong role="timer" aria-live="off">${countdown(left / 1000)}</strong>
    <span class="clock-bar" aria-hidden="true"
      ><span style=${{ width: `${whole > 0 ? (100 * left) / whole : 0}%` }}></span
    ></span>
  </div>`;
}

function Facts({ detail }) {
  const quote = detail.quote;
  const rows = [
    ["Instrument", detail.symbol],
    ["To", detail.to_address && html`<code>${detail.to_address}</code>`],
    ["Side", detail.side && html`<${Side} side=${detail.side} />`],
    ["Quantity", amount(detail.quantity ?? null)],
    [
      "Order type",
      detail.order_type &&
        `${words(detail.order_type)}${detail.limit_price ? ` at ${amount(detail.limit_price)}` : ""}${detail.time_in_force ? `, ${LASTS[detail.time_in_force] ?? detail.time_in_force}` : ""}`,
    ],
    ["Stop price", detail.stop_price && amount(detail.stop_price)],
    ["Replaces", detail.replaces && html`<code>${detail.replaces}</code>`],
    ["Worst price", html`<strong>${amount(detail.price_worst ?? null)}</strong>`],
    ["Notional at most", html`<strong>${amount(detail.notional_max ?? null)}</strong>`],
    ["Pays at most", amount(detail.pay_max ?? null)],
    ["Fees at most", amount(detail.fee_max ?? null)],
    ["Venue", detail.venue],
    [
      "Market now",
      quote
        ? `${amount(quote.bid ?? null)} bid, ${amount(quote.ask ?? null)} ask, ${shortMoment(quote.at)}`
        : "no quote",
    ],
    ["Agent", html`<span>${detail.agent} ${detail.first_time && html`<${Tag} kind="warn">First time</${Tag}>`}</span>`],
    ["Asked", moment(detail.made_at)],
  ];
  return html`<dl class="facts">
    ${rows
      .filter(([, value]) => value)
      .map(
        ([name, value]) =>
          html`<dt key=${name}>${name}</dt>
            <dd>${value}</dd>`,
      )}
  </dl>`;
}

function Reasons({ held }) {
  return html`<h3>Why it was held</h3>
    <ul class="reasons">
      ${held.map(
        (it) =>
          html`<li key=${it.code}>
            <strong>${words(it.text)}</strong
            >${it.observed && it.limit ? html`: ${withUnit(it.observed, it.unit)}, limit ${withUnit(it.limit, it.unit)}` : ""}
            <div class="hint mono">${it.code} (${it.rule})</div>
          </li>`,
      )}
    </ul>`;
}

/** An exit may pass where an entry may not, so this is a warning and no verdict. */
function Over({ limits }) {
  const over = limits.filter((it) => forDrawing(it.after_pct) > 100).map((it) => words(it.name || it.rule));
  if (over.length === 0) return null;
  return html`<${Message} kind="warn"><strong>Over a limit as things stand: ${over.join(", ")}.</strong> Every rule runs again before anything is sent: a yes may still end in a denial.</${Message}>`;
}

/** What it does to each limit, the one that it comes closest to first. */
function Changes({ limits }) {
  if (limits.length === 0) return html`<p class="hint">No limit is touched.</p>`;
  const closest = [...limits].sort((a, b) => (forDrawing(b.after_pct) ?? 0) - (forDrawing(a.after_pct) ?? 0));
  return html`<ul class="gauges">
    ${closest.map((it) => html`<${Change} key=${`${it.rule} ${it.name}`} rule=${it.rule} name=${it.name} before=${it.before} after=${it.after} limit=${it.limit} unit=${it.unit} afterPct=${it.after_pct} />`)}
  </ul>`;
}

function People({ given, needed }) {
  if (needed <= 1) return null;
  const names = given.length ? `${given.join(", ")} approved.` : "Nobody approved yet.";
  return html`<p class="row"><${Tag} kind=${given.length ? "accent" : ""} icon="agents">${given.length} of ${needed} people</${Tag}><span>${names} ${needed - given.length} more, never the same person twice.</span></p>`;
}

/**
 * @param {{detail: any, mayDecide: boolean, onDecide: (approve: boolean) => void}} props `detail` as GET /api/pending-approvals has it
 */
export function Proposal({ detail, mayDecide, onDecide }) {
  const heading = `proposal-${detail.request_id}`;
  return html`<article class="panel proposal" aria-labelledby=${heading}>
    <div class="panel-head">
      <h2 class="deed" id=${heading}>${deedOf(detail)}</h2>
      <${Clock} detail=${detail} />
    </div>
    <div class="panel-body">
      <${People} given=${detail.approvals_given ?? []} needed=${detail.approvals_needed ?? 1} />
      <${Over} limits=${detail.limits ?? []} />
      <div class="columns">
        <div class="half stack">
          <${Reasons} held=${detail.held_because ?? []} />
          <h3>What would be done</h3>
          <${Facts} detail=${detail} />
        </div>
        <div class="half stack">
          <h3>Limits before and after</h3>
          <${Changes} limits=${detail.limits ?? []} />
        </div>
      </div>
      ${detail.note && html`<div class="untrusted"><p><${Tag} kind="warn">Not to be believed</${Tag}> The agent’s own words. They decide nothing.</p><blockquote>${detail.note}</blockquote></div>`}
      <p class="hint">Digest of exactly this: <code>${detail.digest}</code></p>
    </div>
    ${
      mayDecide
        ? html`<div class="decide">
            ${detail.confirm_token && html`<button class="button primary" type="button" aria-describedby=${heading} onClick=${() => onDecide(true)}><${Icon} name="good" />Approve…</button>`}
            <button class="button caution" type="button" aria-describedby=${heading} onClick=${() => onDecide(false)}>
              <${Icon} name="bad" />Refuse…</button
            ><span class="hint"
              >${detail.confirm_token ? "Without an answer it is refused." : "Your yes would not count here: you gave it already, or another person must."}</span
            >
          </div>`
        : html`<div class="decide"><span class="hint">Deciding takes the role of an operator.</span></div>`
    }
  </article>`;
}
