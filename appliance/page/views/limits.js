/** Limits: tightened at once, loosened with a second factor and after a delay. */
import { useResource } from "../core/resource.js";
import { moment, shortMoment, words } from "../core/format.js";
import { mayAs } from "../core/session.js";
import { html, useState } from "../core/ui.js";
import { Field } from "../parts/forms.js";
import { ChangeLimit, PendingChange, label, shown } from "../parts/limit_change.js";
import { Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

function Limit({ limit, onChange }) {
  return html`<li class="limit">
    <div>
      <h3>${label(limit.name)}</h3>
      <p class="hint">${limit.doc} <code>${limit.name}</code></p>
      ${limit.changed_at && html`<p class="hint">Set by ${limit.changed_by}, ${shortMoment(limit.changed_at)}${limit.reason ? `: ${limit.reason}` : ""}. Configured: ${shown(limit.configured, limit.unit)}</p>`}
    </div>
    <strong class="limit-value">${shown(limit.value, limit.unit)}</strong>
    ${!limit.tighter && html`<p class="hint">${limit.fixed_because ?? "Changed in the configuration only."}</p>`}
    ${
      limit.tighter &&
      mayAs("operator") &&
      html`<div class="row">
        <button
          class="button"
          type="button"
          aria-label=${`Tighten ${label(limit.name)}`}
          onClick=${() => onChange(false)}
        >
          Tighten…
        </button>
        <button
          class="button plain"
          type="button"
          aria-label=${`Loosen ${label(limit.name)}`}
          onClick=${() => onChange(true)}
        >
          Loosen…
        </button>
      </div>`
    }
  </li>`;
}

const STATES = { in_force: "good", pending: "warn" };
const HISTORY = [
  { name: "Limit", cell: (row) => label(row.name) },
  {
    name: "Change",
    cell: (row) =>
      html`<div>
        ${shown(row.before, "")} <span aria-hidden="true">→ </span><span class="unseen">to </span>
        <strong>${shown(row.value, "")}</strong>
        <div class="hint">${row.tightens ? "tighter" : "looser"}</div>
      </div>`,
  },
  {
    name: "State",
    cell: (row) =>
      html`<div><${Tag} kind=${STATES[row.state] ?? ""}>${words(row.state)}</${Tag}>${row.ended_why && html`<div class="hint">${row.ended_why}</div>`}</div>`,
  },
  {
    name: "By",
    cell: (row) => [row.asked_by, ...(row.confirmed_by ?? []).filter((it) => it !== row.asked_by)].join(", "),
  },
  { name: "Why", cell: (row) => row.reason },
  { name: "When", cell: (row) => moment(row.asked_at) },
];

/** The view. */
export default function Limits() {
  const limits = useResource("/api/limits", { everyMs: 15_000 });
  const [asking, setAsking] = useState(null);
  const [filter, setFilter] = useState("");
  return html`<${ViewHead} title="Limits">Tightening applies at once. Loosening takes a second factor and a delay, and everybody sees it coming.</${ViewHead}>
    <${Resource} of=${limits} what="Limits">${(data) => {
      const wanted = data.limits.filter((it) =>
        `${it.name} ${it.doc}`.toLowerCase().includes(filter.trim().toLowerCase()),
      );
      const unitOf = (name) => data.limits.find((it) => it.name === name)?.unit;
      return html`
        ${data.pending.length > 0 && html`<${Panel} title="Will be loosened" flush><ul>${data.pending.map((it) => html`<${PendingChange} key=${it.id} change=${it} unit=${unitOf(it.name)} />`)}</ul></${Panel}>`}
        <${Panel} title="In force" flush actions=${html`<${Field} label="Find" name="find" type="search" value=${filter} onInput=${setFilter} autocomplete="off" />`}>
          ${
            wanted.length === 0
              ? html`<${Nothing} title="No limit matches"></${Nothing}>`
              : html`<ul>
                  ${wanted.map((it) => html`<${Limit} key=${it.name} limit=${it} onChange=${(loosen) => setAsking({ limit: it, loosen })} />`)}
                </ul>`
          }
        </${Panel}>
        <${Panel} title="History" flush>${data.history.length === 0 ? html`<${Nothing} title="Nothing was changed since the start"></${Nothing}>` : html`<${Table} caption="Changes of limits" columns=${HISTORY} rows=${data.history} keyOf=${(row) => row.id} />`}</${Panel}>`;
    }}</${Resource}>
    ${asking && html`<${ChangeLimit} limit=${asking.limit} loosen=${asking.loosen} onClose=${() => setAsking(null)} />`}`;
}
