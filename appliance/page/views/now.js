/** Now: what it is worth, how it got there, what of each limit is used, and what is open. */
import { live } from "../core/live.js";
import { useResource } from "../core/resource.js";
import { to } from "../core/router.js";
import { amount, forDrawing, percent, shortMoment } from "../core/format.js";
import { useStore } from "../core/store.js";
import { html, useMemo, useState } from "../core/ui.js";
import { Chart, toCurve } from "../parts/chart.js";
import { Choices } from "../parts/forms.js";
import { Gauge } from "../parts/gauge.js";
import { OpenOrders } from "../parts/order_table.js";
import { Message, Nothing, Panel, Resource, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const POINTS = 400;
const HOUR = 3_600_000;
const SPANS = [
  ["1", "1 h"],
  ["24", "24 h"],
  ["168", "7 d"],
  ["720", "30 d"],
];

function Worth({ portfolio }) {
  const pushed = useStore(live, (it) => it.portfolio);
  return html`<${Panel} title="Portfolio"><${Resource} of=${portfolio} what="Portfolio">${(data) =>
    html` <dl class="figures">
        <div class="main">
          <dt>Worth now</dt>
          <dd>${amount(pushed?.equity ?? data.equity ?? null)}</dd>
        </div>
        <div>
          <dt>Value per unit</dt>
          <dd>${amount(pushed?.nav ?? data.nav ?? null)}</dd>
        </div>
        <div>
          <dt>… at 00:00 UTC</dt>
          <dd>${amount(data.nav_day_open ?? null)}</dd>
        </div>
        <div>
          <dt>… at its highest</dt>
          <dd>${amount(data.nav_peak ?? null)}</dd>
        </div>
        <div>
          <dt>Drawdown</dt>
          <dd>${percent(pushed?.drawdown_pct ?? null)}</dd>
        </div>
      </dl>
      ${data.unpriced?.length > 0 && html`<${Message} kind="warn">No fresh price for ${data.unpriced.join(", ")}: the worth is not known.</${Message}>`}
      ${
        (data.holdings ?? []).length === 0
          ? html`<${Nothing} title="Nothing is held">An agent can deposit paper money, or a live venue tells its balances.</${Nothing}>`
          : html`<div class="bleed">
              <${Table}
                caption="Holdings"
                keyOf=${(row) => row.total}
                rows=${data.holdings}
                columns=${[
                  { name: "Asset", cell: (row) => html`<strong>${row.total.split(" ")[1] ?? ""}</strong>` },
                  { name: "Held", number: true, cell: (row) => html`<strong>${amount(row.total)}</strong>` },
                  { name: "Price", number: true, cell: (row) => amount(row.price ?? null) },
                  { name: "Value", number: true, cell: (row) => amount(row.value ?? null) },
                ]}
              />
            </div>`
      }`}</${Resource}></${Panel}>`;
}

function Curves() {
  const [span, setSpan] = useState("24");
  const path = useMemo(
    () =>
      `/api/equity?since=${encodeURIComponent(new Date(Date.now() - Number(span) * HOUR).toISOString())}&points=${POINTS}`,
    [span],
  );
  const series = useResource(path, { everyMs: 60_000 });
  const pushed = useStore(live, (it) => it.portfolio);
  const points = useMemo(() => {
    const known = series.data?.points ?? [];
    return pushed?.equity ? [...known, { at: new Date().toISOString(), ...pushed }] : known;
  }, [series.data, pushed]);
  const equity = useMemo(() => toCurve(points, (it) => it.equity), [points]);
  const drawdown = useMemo(() => toCurve(points, (it) => it.drawdown_pct), [points]);
  const last = points.at(-1);
  return html`<${Panel} title="Worth over time" actions=${html`<${Choices} label="Span" options=${SPANS} value=${span} onChoose=${setSpan} />`}>
    <${Resource} of=${series} what="Worth over time">${() =>
      equity.length < 2
        ? html`<${Nothing} title="No curve yet">The first points come within a minute of the first value.</${Nothing}>`
        : html`<h3>Worth${last.equity?.includes(" ") ? `, ${last.equity.split(" ")[1]}` : ""}</h3>
            <${Chart}
              curve=${equity}
              ink="--accent"
              label=${`Worth from ${shortMoment(points[0].at)} to now: from ${amount(points[0].equity)} to ${amount(last.equity)}`}
            />
            <h3>Drawdown, %</h3>
            <${Chart}
              curve=${drawdown}
              ink="--bad"
              low
              inverted
              format=${{ type: "price", precision: 2, minMove: 0.01 }}
              label=${`Drawdown now: ${percent(last.drawdown_pct)}`}
            />`}</${Resource}>
  </${Panel}>`;
}

function Usage() {
  const usage = useResource("/api/usage", { on: ["ORDER_UPDATE", "APPROVAL_UPDATE"], everyMs: 5000 });
  return html`<${Panel} title="Limits in use" actions=${html`<a class="button plain" href=${to("limits")}>All limits</a>`}>
    <${Resource} of=${usage} what="Limits in use">${({ gauges }) =>
      gauges.length === 0
        ? html`<${Nothing} title="Nothing is in use"></${Nothing}>`
        : html`<ul class="gauges">
            ${[...gauges].sort((a, b) => (forDrawing(b.used_pct) ?? 0) - (forDrawing(a.used_pct) ?? 0)).map((it) => html`<${Gauge} key=${`${it.rule} ${it.name}`} name=${it.name} used=${it.used} limit=${it.limit} unit=${it.unit} usedPct=${it.used_pct} />`)}
          </ul>`}</${Resource}>
  </${Panel}>`;
}

function Tickers() {
  const tickers = useStore(live, (it) => it.tickers);
  const shown = Object.values(tickers).sort((a, b) => a.symbol.localeCompare(b.symbol));
  return html`<${Panel} title="Markets">${
    shown.length === 0
      ? html`<${Nothing} title="No prices yet">They come over the live line as sources tell them.</${Nothing}>`
      : html`<ul class="tickers">
          ${shown.map(
            (it) =>
              html`<li key=${it.symbol} class="ticker">
                <span>${it.symbol}</span><strong>${amount(it.last ?? it.bid ?? null)}${it.last ? "" : html` <span class="hint">bid</span>`}</strong>
                <span class="hint">${it.last ? html`${amount(it.bid ?? null)} bid · ` : ""}${amount(it.ask ?? null)} ask</span>
                <span class="hint"
                  >${it.source}, ${shortMoment(it.timestamp_ms ? new Date(it.timestamp_ms).toISOString() : null)}</span
                >
              </li>`,
          )}
        </ul>`
  }</${Panel}>`;
}

/** The view. */
export default function Now({ pending }) {
  const portfolio = useResource("/api/portfolio", { on: ["ORDER_UPDATE", "PORTFOLIO_UPDATE"], everyMs: 10_000 });
  const waiting = pending.data?.pending.length ?? 0;
  return html`<${ViewHead} title="Now" />
    ${waiting > 0 && html`<${Message} kind="warn" role="status"><div class="row"><p><strong>${waiting === 1 ? "A proposal waits" : `${waiting} proposals wait`} for a person.</strong></p><a class="button" href=${to("approvals")}>Look at ${waiting === 1 ? "it" : "them"}</a></div></${Message}>`}
    <div class="columns">
      <div class="wide stack"><${Worth} portfolio=${portfolio} /><${Curves} /></div>
      <div class="narrow"><${Usage} /></div>
      <div><${OpenOrders} /></div>
      <div><${Tickers} /></div>
    </div>`;
}
