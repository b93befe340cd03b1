/** Limits: tightened at once, loosened with a second factor and after a delay. */
import { nowThere } from "../core/live.js";
import { useResource } from "../core/resource.js";
import { countdown, moment, shortMoment, words } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { html, useEffect, useState } from "../core/ui.js";
import { Confirm } from "../parts/dialog.js";
import { Field } from "../parts/forms.js";
import { withUnit } from "../parts/gauge.js";
import { Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const label = (name) =>
  words(
    name
      .replace(/^[a-z]+\./, "")
      .replace(/_(pct|sec|ms)$/, "")
      .replace(/_max$/, ", at most")
      .replace(/_min$/, ", at least"),
  );
const shown = (value, unit) => (value === "" ? "not set" : withUnit(value, unit));

function ChangeLimit({ limit, loosen, onClose, onDone }) {
  const [value, setValue] = useState(limit.value);
  const body = { name: limit.name, value: value.trim() };
  const run = async ({ reason, factor }) => {
    await post(`/api/limits/${loosen ? "loosen" : "tighten"}`, { ...body, reason, ...(factor ? { factor } : {}) });
    onDone();
  };
  return html`<${Confirm} title=${`${loosen ? "Loosen" : "Tighten"}: ${label(limit.name)}`} act=${loosen ? "Loosen after the delay" : "Tighten now"} reason
    factor=${loosen ? { act: "loosen", ...body } : null} done=${loosen ? "It takes effect after the delay. Anybody can withdraw it until then." : "It is in force."} run=${run} onClose=${onClose}>
    <p class="soft">${limit.doc}</p>
    <p>Now <strong>${shown(limit.value, limit.unit)}</strong>. Tighter means <strong>${words(limit.tighter).toLowerCase()}</strong>.</p>
    <${Field} label=${`New value${limit.unit ? `, ${limit.unit}` : ""}`} name="value" value=${value} onInput=${setValue} autocomplete="off" inputmode="text" />
  </${Confirm}>`;
}

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

function Pending({ change, unit, onWithdraw }) {
  const [now, setNow] = useState(nowThere());
  useEffect(() => {
    const timer = setInterval(() => setNow(nowThere()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = (new Date(change.due_at).getTime() - now) / 1000;
  return html`<li class="limit"><div><h3>${label(change.name)}</h3><p class="hint">Asked for by ${change.asked_by}: ${change.reason}</p></div>
    <span><strong>${shown(change.value, unit)}</strong> <${Tag} kind="warn" icon="clock">in ${countdown(left)}</${Tag}></span>
    ${mayAs("operator") && html`<div class="row"><button class="button" type="button" onClick=${onWithdraw}>Withdraw…</button></div>`}</li>`;
}

const STATES = { in_force: "good", done: "good", waiting: "warn", withdrawn: "", refused: "bad" };
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
  const [withdrawing, setWithdrawing] = useState(null);
  const [filter, setFilter] = useState("");
  return html`<${ViewHead} title="Limits">Tightening applies at once. Loosening takes a second factor and a delay, and everybody sees it coming.</${ViewHead}>
    <${Resource} of=${limits} what="Limits">${(data) => {
      const wanted = data.limits.filter((it) =>
        `${it.name} ${it.doc}`.toLowerCase().includes(filter.trim().toLowerCase()),
      );
      const unitOf = (name) => data.limits.find((it) => it.name === name)?.unit;
      return html`
        ${data.pending.length > 0 && html`<${Panel} title="Will be loosened" flush><ul>${data.pending.map((it) => html`<${Pending} key=${it.id} change=${it} unit=${unitOf(it.name)} onWithdraw=${() => setWithdrawing(it)} />`)}</ul></${Panel}>`}
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
    ${asking && html`<${ChangeLimit} limit=${asking.limit} loosen=${asking.loosen} onDone=${limits.reload} onClose=${() => setAsking(null)} />`}
    ${
      withdrawing &&
      html`<${Confirm} title="Withdraw this change?" act="Withdraw" done="Withdrawn: the limit stays as it is." run=${async () => {
        await post(`/api/limits/changes/${encodeURIComponent(withdrawing.id)}/withdraw`);
        limits.reload();
      }} onClose=${() => setWithdrawing(null)}>
      <p>${label(withdrawing.name)} stays at its present value.</p></${Confirm}>`
    }`;
}
