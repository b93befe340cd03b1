/** Settings: what is in force and where it comes from. Read only; the configuration is a file. */
import { live } from "../core/live.js";
import { brief, moment } from "../core/format.js";
import { useResource } from "../core/resource.js";
import { mayAs } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Field } from "../parts/forms.js";
import { Nothing, Panel, Resource, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";
import { withUnit } from "../parts/gauge.js";
import { People } from "../parts/people.js";

const COLUMNS = [
  { name: "Setting", cell: (row) => html`<code>${row.name}</code>` },
  { name: "Value", cell: (row) => html`<span class="mono">${withUnit(row.value, row.unit)}</span>` },
  { name: "From", cell: (row) => row.origin },
];
const ACCOUNTING = "limits.accounting_asset";

function About() {
  const status = useStore(live, (it) => it.status);
  if (!status) return null;
  return html`<${Panel} title="This appliance"><dl class="facts"><dt>Version</dt><dd>${status.version}</dd><dt>Mode</dt><dd>${status.mode}</dd><dt>Since</dt><dd>${moment(status.started_at)}</dd>
    <dt>Journal</dt><dd>${status.journal_entries} entries</dd><dt>Configuration</dt><dd class="mono" title=${status.configuration_digest}>${brief(status.configuration_digest, 16, 8)}</dd></dl>
    <p>Newest checkpoint, worth keeping somewhere else:</p><pre tabindex="0">${status.checkpoint}</pre></${Panel}>`;
}

/** The view. */
export default function Settings() {
  const settings = useResource("/api/settings");
  const [filter, setFilter] = useState("");
  return html`<${ViewHead} title="Settings">Read only. They are changed in the configuration file; limits can be changed under Limits.</${ViewHead}>
    <${About} />
    ${mayAs("admin") && html`<${People} />`}
    <${Panel} title="In force" flush actions=${html`<${Field} label="Find" name="find" type="search" value=${filter} onInput=${setFilter} autocomplete="off" />`}><${Resource} of=${settings} what="Settings">${(
      data,
    ) => {
      const asset = data.settings.find((it) => it.name === ACCOUNTING)?.value ?? "";
      const rows = data.settings
        .filter((it) => `${it.name} ${it.value}`.toLowerCase().includes(filter.trim().toLowerCase()))
        .map((it) => (it.unit === "accounting asset" ? { ...it, unit: asset } : it));
      return rows.length === 0
        ? html`<${Nothing} title="No setting matches"></${Nothing}>`
        : html`<${Table} caption="Settings" columns=${COLUMNS} rows=${rows} keyOf=${(row) => row.name} />`;
    }}</${Resource}></${Panel}>`;
}
