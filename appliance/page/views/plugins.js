/** Plugins and venues: what is connected, whether it is well, and why a venue gets no orders. */
import { useResource } from "../core/resource.js";
import { ago, shortMoment, words } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { html, useState } from "../core/ui.js";
import { Confirm } from "../parts/dialog.js";
import { Message, Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const WELL = {
  running: "good",
  ready: "good",
  up: "good",
  starting: "warn",
  restarting: "warn",
  failed: "bad",
  stopped: "",
  down: "bad",
};
const yes = (value, good) =>
  value === null || value === undefined
    ? html`<span class="soft">not told</span>`
    : html`<${Tag} kind=${value === good ? "good" : "warn"}>${value ? "Yes" : "No"}</${Tag}>`;

function Venue({ venue, onAccept }) {
  return html`<article class="panel" aria-labelledby=${`venue-${venue.venue}`}><div class="panel-head"><h2 id=${`venue-${venue.venue}`}>${venue.venue}</h2>
      <${Tag} kind=${venue.fit ? "good" : "bad"}>${venue.fit ? "Fit for orders" : "Not fit"}</${Tag}></div>
    <div class="panel-body">
      ${venue.problem && html`<${Message} kind="bad" role="note">${venue.problem}</${Message}>`}
      <dl class="facts"><dt>Key may trade</dt><dd>${yes(venue.can_trade, true)}</dd><dt>Key may withdraw</dt><dd>${yes(venue.can_withdraw, false)}</dd>
        <dt>Key bound to addresses</dt><dd>${yes(venue.key_bound_to_addresses, true)}</dd>
        <dt>Clock ahead</dt><dd>${venue.clock_skew_ms === null || venue.clock_skew_ms === undefined ? "not told" : `${venue.clock_skew_ms} ms`}</dd>
        <dt>Dead man’s switch</dt><dd>${words(venue.dead_man_switch)}</dd><dt>Agreed with the journal</dt><dd>${ago(venue.agreed_at)}</dd>
        ${
          venue.accepted_by &&
          html`<dt>Risks accepted</dt>
            <dd>${(venue.risks_accepted ?? []).join(", ")} by ${venue.accepted_by}</dd>`
        }</dl>
      ${venue.foreign_orders?.length > 0 && html`<${Message} kind="warn" role="note"><strong>Orders that nobody here sent:</strong> ${venue.foreign_orders.join(", ")}</${Message}>`}
      ${
        venue.caveats?.length > 0 &&
        html`<${Message} role="note"><strong>What to know of it:</strong> ${venue.caveats.join("; ")}</${Message}>`
      }
      ${
        venue.drifts?.length > 0 &&
        html`<${Message} kind="warn" role="note"><strong>Balances that the journal does not explain:</strong>
        <ul>${venue.drifts.map((it) => html`<li key=${it.expected}>${it.expected} in the journal, ${it.found} at the venue</li>`)}</ul>
        ${mayAs("operator") && html`<button class="button" type="button" onClick=${onAccept}>Accept the venue’s word…</button>`}</${Message}>`
      }
    </div></article>`;
}

const WATCHDOG = { alive: ["good", "Alive"], silent: ["bad", "Silent"], none: ["", "Not set up"] };

function Watchdog({ watchdog }) {
  const [kind, said] = WATCHDOG[watchdog.state] ?? ["", words(watchdog.state)];
  return html`<${Panel} title="Watchdog" actions=${html`<${Tag} kind=${kind}>${said}</${Tag}>`}>
    <p class="soft">A process of its own, with a key of its own, that cancels what is open where this one no longer can.</p>
    ${watchdog.problems?.length > 0 && html`<${Message} kind="warn" role="note">${watchdog.problems.join("; ")}</${Message}>`}
  </${Panel}>`;
}

function Venues() {
  const venues = useResource("/api/venues", { on: ["STATUS_UPDATE"] });
  const [asking, setAsking] = useState(null);
  return html`<section class="stack" aria-label="Live venues"><${Resource} of=${venues} what="Venues">${(data) =>
    html` ${data.venues.length === 0 ? html`<section class="panel"><${Nothing} title="No live venue">Orders go to the paper venue. Going live takes several steps in the configuration.</${Nothing}></section>` : html`<div class="columns">${data.venues.map((it) => html`<div class="half" key=${it.venue}><${Venue} venue=${it} onAccept=${() => setAsking(it)} /></div>`)}</div>`}
    ${data.watchdog && html`<${Watchdog} watchdog=${data.watchdog} />`}`}</${Resource}>
    ${
      asking &&
      html`<${Confirm} title=${`Accept the balances of ${asking.venue}?`} act="Accept" reason factor=${{ act: "accept_drift", venue: asking.venue }} done="The venue’s balances are the journal’s now."
      run=${async ({ reason, factor }) => {
        await post(`/api/venues/${encodeURIComponent(asking.venue)}/accept`, { reason, factor });
        venues.reload();
      }} onClose=${() => setAsking(null)}>
      <p>Do this only once you know where the difference comes from.</p></${Confirm}>`
    }</section>`;
}

const WORKERS = [
  {
    name: "Plugin",
    cell: (row) =>
      html`<div>
        <strong>${row.name}</strong>
        <div class="hint">${row.plugin ?? ""}</div>
      </div>`,
  },
  { name: "Kind", cell: (row) => words(row.kind ?? "") },
  {
    name: "State",
    cell: (row) =>
      html`<div><${Tag} kind=${WELL[row.state] ?? ""}>${words(row.state ?? "")}</${Tag}>${row.last_error && html`<div class="hint">${row.last_error}</div>`}</div>`,
  },
  { name: "Restarts", number: true, cell: (row) => String(row.restarts ?? "–") },
  {
    name: "Connections",
    number: true,
    cell: (row) =>
      html`<div>
        ${String(row.connections ?? "–")}${row.connections_refused > 0 && html`<div class="hint">${row.connections_refused} refused, last ${row.refused_last ?? ""}</div>`}
      </div>`,
  },
  {
    name: "Cage",
    cell: (row) =>
      row.cage_missing?.length ? html`<span class="hint">lacks ${row.cage_missing.join("; ")}</span>` : "whole",
  },
];

const SOURCES = [
  { name: "Source", cell: (row) => html`<strong>${row.name}</strong>` },
  {
    name: "Counts for decisions",
    cell: (row) => html`<${Tag} kind=${row.admissible ? "good" : ""}>${row.admissible ? "Yes" : "No"}</${Tag}>`,
  },
  { name: "Accepted", number: true, cell: (row) => String(row.accepted) },
  { name: "Refused", number: true, cell: (row) => String(row.refused) },
  { name: "Last price", cell: (row) => shortMoment(row.last_tick_at) },
];

/** The view. */
export default function Plugins() {
  const plugins = useResource("/api/plugins", { on: ["STATUS_UPDATE"] });
  const sources = useResource("/api/sources", { on: ["STATUS_UPDATE"] });
  return html`<${ViewHead} title="Plugins and venues">Each plugin runs in a process of its own. Its own words about itself are not to be believed.</${ViewHead}>
    <${Venues} />
    <${Panel} title="Plugins" flush><${Resource} of=${plugins} what="Plugins">${(data) =>
      data.plugins.length === 0
        ? html`<${Nothing} title="No plugin is enabled"></${Nothing}>`
        : html`<${Table}
            caption="Plugins"
            columns=${WORKERS}
            rows=${data.plugins}
            keyOf=${(row) => row.name}
          />`}</${Resource}></${Panel}>
    <${Panel} title="Price sources" flush><${Resource} of=${sources} what="Sources">${(data) =>
      data.sources.length === 0
        ? html`<${Nothing} title="No source"></${Nothing}>`
        : html`<${Table}
            caption="Price sources"
            columns=${SOURCES}
            rows=${data.sources}
            keyOf=${(row) => row.name}
          />`}</${Resource}></${Panel}>`;
}
