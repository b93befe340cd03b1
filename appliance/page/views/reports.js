/** Reports: a day in figures, the tax report, and the audit export, each with the checkpoint that it can be verified against. */
import { save } from "../core/download.js";
import { amount, percent, words } from "../core/format.js";
import { useResource } from "../core/resource.js";
import { getFile, mayAs } from "../core/session.js";
import { say } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Choices, Field } from "../parts/forms.js";
import { Panel, Resource, ViewHead } from "../parts/states.js";

const METHODS = [
  ["fifo", "FIFO"],
  ["lifo", "LIFO"],
  ["hifo", "HIFO"],
  ["average", "Average cost"],
];

function useDownload() {
  const [busy, setBusy] = useState(false);
  const download = async (path, name) => {
    setBusy(true);
    try {
      const file = await getFile(path);
      save(file.blob, file.name === "readytrader" ? name : file.name);
    } catch (error) {
      say(error.message, "bad");
    }
    setBusy(false);
  };
  return [busy, download];
}

/** What a line of what was changed begins with: the kind of its entry. */
const KIND = /^[a-z_]+\.[a-z_]+: /;

const counted = (counts) =>
  Object.entries(counts ?? {})
    .map(([name, count]) => `${words(name).toLowerCase()} ${count}`)
    .join(", ");

/** A day in figures; what did not happen is left out where its count says so already. */
function Figures({ day }) {
  const inUnit = (text) => amount(text === null || text === undefined ? null : `${text} ${day.currency}`);
  const rows = [
    ["Whose money", day.portfolio && words(day.portfolio)],
    ["Worth at its beginning", inUnit(day.equity_open)],
    ["Worth at its end", inUnit(day.equity_close)],
    ["Deepest drawdown", percent(day.drawdown_max_pct ?? null)],
    ["Realised gain", inUnit(day.realised_gain)],
    ["Gains that nobody can know", day.gains_unknown > 0 && String(day.gains_unknown)],
    ["Orders", String(day.orders)],
    ["Fills", String(day.fills)],
    [
      "Fees",
      Object.entries(day.fees ?? {})
        .map(([asset, fee]) => amount(`${fee} ${asset}`))
        .join(", ") || "none",
    ],
    ["Denied", [String(day.denied), Object.entries(day.denials ?? {}).map(([code, n]) => `${code} ${n}`).join(", ")].filter(Boolean).join(": ")],
    ["Held for a person", [String(day.held), counted(day.decided)].filter(Boolean).join(": ")],
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

function Told({ title, lines }) {
  if (!lines?.length) return null;
  return html`<div class="stack">
    <h3>${title}</h3>
    <ul class="reasons">
      ${lines.map((it, at) => html`<li key=${at}>${it.replace(KIND, "")}</li>`)}
    </ul>
  </div>`;
}

function Day({ day }) {
  return html`<${Figures} day=${day} />
    <${Told} title="Who decided what" lines=${day.approvals} />
    <${Told} title="Halts and restrictions" lines=${day.states} />
    <${Told} title="What people changed" lines=${day.acts} />
    <details>
      <summary>What it can be verified against</summary>
      <p class="hint">Entries ${day.entries} of the journal ${day.journal}.</p>
      <pre tabindex="0">${day.checkpoint}</pre>
    </details>`;
}

function Daily() {
  const [day, setDay] = useState(new Date().toISOString().slice(0, 10));
  const report = useResource(`/api/reports/daily?day=${encodeURIComponent(day)}`);
  return html`<${Panel} title="A day (UTC)">
    <${Field} label="Day" name="day" type="date" value=${day} onInput=${(next) => next && setDay(next)} />
    <${Resource} of=${report} what="The day">${(data) => html`<${Day} day=${data} />`}</${Resource}></${Panel}>`;
}

function Tax() {
  const [method, setMethod] = useState("fifo");
  const [year, setYear] = useState(String(new Date().getUTCFullYear()));
  const [busy, download] = useDownload();
  const file = (format) =>
    download(`/api/reports/tax?${new URLSearchParams({ method, year, format })}`, `tax-${year}-${method}.${format}`);
  return html`<${Panel} title="Tax report">
    <${Choices} label="Method" value=${method} onChoose=${setMethod} options=${METHODS} />
    <${Field} label="Year" name="year" value=${year} onInput=${setYear} inputmode="numeric" pattern="[0-9]{4}" maxlength="4" />
    <div class="row"><button class="button" type="button" disabled=${busy} onClick=${() => file("csv")}>Download CSV</button><button class="button" type="button" disabled=${busy} onClick=${() => file("jsonl")}>Download JSON</button></div>
    <p class="hint">Exact to the last digit, from the fills in the journal. It is arithmetic, not advice.</p></${Panel}>`;
}

function Audit() {
  const [busy, download] = useDownload();
  const file = (format, name) => download(`/api/audit/export?format=${format}`, name);
  return html`<${Panel} title="Audit export">
    <p>Every entry with its proof. <code>readytrader audit verify --file</code> checks it without this appliance.</p>
    <div class="row"><button class="button" type="button" disabled=${busy} onClick=${() => file("jsonl", "audit.jsonl")}>Download JSON lines</button><button class="button" type="button" disabled=${busy} onClick=${() => file("csv", "audit.csv")}>Download CSV</button></div></${Panel}>`;
}

/** The view. */
export default function Reports() {
  return html`<${ViewHead} title="Reports">Files for an auditor or a tax adviser. Each names the checkpoint that it can be verified against.</${ViewHead}>
    <div class="columns"><div class="half"><${Daily} /></div><div class="half stack"><${Tax} />${mayAs("admin") && html`<${Audit} />`}</div></div>`;
}
