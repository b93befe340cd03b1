/** Limits: tightened at once, loosened with a second factor and after a delay. */
import { useResource } from "../core/resource.js";
import { moment, shortMoment, words } from "../core/format.js";
import { mayAs } from "../core/session.js";
import { html, useState } from "../core/ui.js";
import { Field } from "../parts/forms.js";
import { ChangeLimit, PendingChange, label, prose, shown } from "../parts/limit_change.js";
import { Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

function Limit({ limit, onChange }) {
  return html`<li class="limit">
    <div>
      <h3>${label(limit.name)}</h3>
      <p class="hint">${prose(limit.doc)} <code>${limit.name}</code></p>
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

const GROUPS = {
  approval: "What needs a person",
  allow: "What may be traded",
  limits: "How much",
  marketdata: "Prices",
};
const ACCOUNTING = "limits.accounting_asset";

/** The limits with the accounting asset's own name as their unit. */
function named(limits) {
  const accounting = limits.find((it) => it.name === ACCOUNTING)?.value ?? "";
  return limits.map((it) => (it.unit === "accounting asset" ? { ...it, unit: accounting } : it));
}

function InForce({ limits, onChange }) {
  const [filter, setFilter] = useState("");
  const wanted = limits.filter((it) => `${it.name} ${it.doc}`.toLowerCase().includes(filter.trim().toLowerCase()));
  const groups = [...new Set(wanted.map((it) => it.name.split(".")[0]))];
  return html`<form class="row" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Field}
        label="Find a limit"
        name="find"
        type="search"
        value=${filter}
        onInput=${setFilter}
        autocomplete="off"
      />
    </form>
    ${groups.length === 0 && html`<${Nothing} title="No limit matches"></${Nothing}>`}
    ${groups.map(
      (group) => html`<${Panel} key=${group} title=${GROUPS[group] ?? words(group)} flush>
        <ul>
          ${wanted
            .filter((it) => it.name.startsWith(`${group}.`))
            .map((it) => html`<${Limit} key=${it.name} limit=${it} onChange=${(loosen) => onChange(it, loosen)} />`)}
        </ul>
      </${Panel}>`,
    )}`;
}

function WillBeLoosened({ pending, limits }) {
  if (pending.length === 0) return null;
  const unitOf = (name) => limits.find((it) => it.name === name)?.unit ?? "";
  return html`<${Panel} title="Will be loosened" flush>
    <ul>
      ${pending.map((it) => html`<${PendingChange} key=${it.id} change=${it} unit=${unitOf(it.name)} />`)}
    </ul>
  </${Panel}>`;
}

/** The view. */
export default function Limits() {
  const asked = useResource("/api/limits", { everyMs: 15_000 });
  const [change, setChange] = useState(null);
  return html`<${ViewHead} title="Limits">
      Tightening applies at once. Loosening takes a second factor and a delay, and everybody sees it coming.
    </${ViewHead}>
    <${Resource} of=${asked} what="Limits">${(data) => {
      const limits = named(data.limits);
      return html`<${WillBeLoosened} pending=${data.pending} limits=${limits} />
        <${InForce} limits=${limits} onChange=${(limit, loosen) => setChange({ limit, loosen })} />
        <${Panel} title="History" flush>
          ${
            data.history.length === 0
              ? html`<${Nothing} title="Nothing was changed yet"></${Nothing}>`
              : html`<${Table}
                  caption="Changes of limits"
                  columns=${HISTORY}
                  rows=${data.history}
                  keyOf=${(row) => row.id}
                />`
          }
        </${Panel}>`;
    }}</${Resource}>
    ${change && html`<${ChangeLimit} limit=${change.limit} loosen=${change.loosen} onClose=${() => setChange(null)} />`}`;
}
