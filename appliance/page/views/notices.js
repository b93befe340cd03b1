/** Notices: what people were told, by which way, and what did not arrive. */
import { useResource } from "../core/resource.js";
import { shortMoment, words } from "../core/format.js";
import { html, useState } from "../core/ui.js";
import { Choices } from "../parts/forms.js";
import { Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const KINDS = { delivered: "good", given_up: "bad", waiting: "warn" };
const SEVERITY = { critical: "bad", warning: "warn" };

function Delivery({ it }) {
  return html`<li><${Tag} kind=${KINDS[it.state] ?? ""}>${words(it.state)}</${Tag}> ${it.notifier}<span class="hint">${it.attempts > 1 ? `, ${it.attempts} tries` : ""}${it.reason ? `: ${it.reason}` : ""}</span></li>`;
}

const COLUMNS = [
  { name: "When", cell: (row) => shortMoment(row.made_at) },
  {
    name: "Notice",
    cell: (row) =>
      html`<div>
        <strong>${row.subject}</strong>${row.repeats > 0 && html` <${Tag}>and ${row.repeats} more</${Tag}>`}
        <div class="hint">${row.text}</div>
      </div>`,
  },
  {
    name: "Severity",
    cell: (row) => html`<${Tag} kind=${SEVERITY[row.severity] ?? ""}>${words(row.severity)}</${Tag}>`,
  },
  {
    name: "Delivery",
    cell: (row) =>
      html`<ul class="stack">
        ${row.deliveries.map((it) => html`<${Delivery} key=${it.notifier} it=${it} />`)}
      </ul>`,
  },
];

/** The view. */
export default function Notices() {
  const [shown, setShown] = useState("all");
  const notices = useResource(`/api/notices${shown === "failed" ? "?failed=true" : ""}`, { everyMs: 10_000 });
  return html`<${ViewHead} title="Notices">What was told outside this page. Each carries the journal’s newest checkpoint, so that a chat is a witness.</${ViewHead}>
    <${Choices} label="Which" value=${shown} onChoose=${setShown} options=${[
      ["all", "All"],
      ["failed", "Did not arrive"],
    ]} />
    <${Panel} title=${shown === "failed" ? "Did not arrive" : "Latest notices"} flush><${Resource} of=${notices} what="Notices">${(
      data,
    ) =>
      data.notices.length === 0
        ? html`<${Nothing} title=${shown === "failed" ? "Everything arrived" : "Nobody was told anything yet"}>${shown === "failed" ? "" : "Notices go out through the notifiers of the configuration."}</${Nothing}>`
        : html`<${Table}
            caption="Notices"
            columns=${COLUMNS}
            rows=${data.notices}
            keyOf=${(row) => row.notice_id}
          />`}</${Resource}></${Panel}>`;
}
