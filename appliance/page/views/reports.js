/** Reports: a day in figures, the tax report, and the audit export, each with the checkpoint that it can be verified against. */
import { save } from "../core/download.js";
import { amount, words } from "../core/format.js";
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

/** From this many characters on, what has no words in it is shown on demand. */
const LONG = 80;

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

/** A report's values as facts: texts and numbers as they are, what is nested as its own list. */
function Facts({ value }) {
  if (Array.isArray(value))
    return value.length === 0
      ? "none"
      : html`<ul>
          ${value.map((it, at) => html`<li key=${at}><${Facts} value=${it} /></li>`)}
        </ul>`;
  if (value !== null && typeof value === "object" && Object.keys(value).length === 0) return "none";
  if (value !== null && typeof value === "object") {
    return html`<dl class="facts">
      ${Object.entries(value).map(
        ([name, it]) =>
          html`<dt key=${name}>${words(name)}</dt>
            <dd><${Facts} value=${it} /></dd>`,
      )}
    </dl>`;
  }
  if (typeof value === "string" && value.length > LONG && !value.includes(" ")) {
    return html`<details>
      <summary>Show</summary>
      <code>${value}</code>
    </details>`;
  }
  if (typeof value === "string" && value.includes("\n")) return html`<pre tabindex="0">${value}</pre>`;
  return amount(value === null || value === undefined ? null : String(value));
}

function Daily() {
  const [day, setDay] = useState(new Date().toISOString().slice(0, 10));
  const report = useResource(`/api/reports/daily?day=${encodeURIComponent(day)}`);
  return html`<${Panel} title="A day (UTC)">
    <${Field} label="Day" name="day" type="date" value=${day} onInput=${(next) => next && setDay(next)} />
    <${Resource} of=${report} what="The day">${(data) => html`<${Facts} value=${data} />`}</${Resource}></${Panel}>`;
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
