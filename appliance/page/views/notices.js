/** Notices: what people were told, by which way, what did not arrive, and the ways to send or read it after all. */
import { live } from "../core/live.js";
import { useResource } from "../core/resource.js";
import { ago, shortMoment, words } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { say, useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Choices } from "../parts/forms.js";
import { Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const KINDS = { delivered: "good", given_up: "bad", waiting: "warn" };
const SEVERITY = { critical: "bad", warning: "warn" };

/** A button whose act needs no question first; `run` answers what is said afterwards: `[text, kind]`. */
function Act({ label, aria, run }) {
  const [busy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      say(...(await run()));
    } catch (error) {
      say(error.message, "bad");
    }
    setBusy(false);
  };
  return html`<button class="button" type="button" disabled=${busy} aria-label=${aria} onClick=${act}>
    ${busy ? "Working…" : label}
  </button>`;
}

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
        ${row.seen_by && html`<li class="hint">Read by ${row.seen_by}</li>`}
      </ul>`,
  },
];

const unread = (notice) => !notice.seen_by && notice.deliveries.some((it) => it.state === "given_up");

function After({ notice }) {
  const path = `/api/notices/${encodeURIComponent(notice.notice_id)}`;
  const resend = async () => [`Sent again: ${(await post(`${path}/resend`)).to.join(", ")}.`];
  const dismiss = async () => {
    await post(`${path}/dismiss`);
    return ["On record as read by you."];
  };
  return html`<div class="row">
    <${Act} label="Send again" aria=${`Send again: ${notice.subject}`} run=${resend} />
    <${Act} label="I have read it" aria=${`I have read it: ${notice.subject}`} run=${dismiss} />
  </div>`;
}

const WAYS = [
  { name: "Notifier", cell: (row) => html`<strong>${row.name}</strong>` },
  {
    name: "State",
    cell: (row) =>
      row.problem
        ? html`<div>
            <${Tag} kind="bad">Does not get through</${Tag}>
            <div class="hint">${row.problem}</div>
          </div>`
        : html`<${Tag} kind=${row.delivered_at ? "good" : ""}>${row.delivered_at ? "Gets through" : "Not used yet"}</${Tag}>`,
  },
  { name: "Waiting", number: true, cell: (row) => String(row.waiting) },
  { name: "Last delivered", cell: (row) => (row.delivered_at ? ago(row.delivered_at) : "not since the start") },
];
const TRY = {
  name: "Test",
  act: true,
  cell: (row) =>
    html`<${Act}
      label="Send a test"
      aria=${`Send a test through ${row.name}`}
      run=${async () => {
        const { delivered, problem } = await post(`/api/notifiers/${encodeURIComponent(row.name)}/test`);
        return delivered ? [`The test reached ${row.name}.`] : [`The test did not arrive: ${problem ?? "no answer"}`, "bad"];
      }}
    />`,
};

function Ways() {
  const notifiers = useStore(live, (it) => it.status?.notices?.notifiers);
  if (!notifiers?.length) return null;
  return html`<${Panel} title="Ways to people" flush>
    <${Table}
      caption="Ways to people"
      columns=${mayAs("operator") ? [...WAYS, TRY] : WAYS}
      rows=${notifiers}
      keyOf=${(row) => row.name}
    />
  </${Panel}>`;
}

/** The view. */
export default function Notices() {
  const [shown, setShown] = useState("all");
  const notices = useResource(`/api/notices${shown === "failed" ? "?failed=true" : ""}`, { everyMs: 10_000 });
  const acts = mayAs("operator") && notices.data?.notices.some(unread);
  const columns = acts
    ? [...COLUMNS, { name: "Act", act: true, cell: (row) => (unread(row) ? html`<${After} notice=${row} />` : "") }]
    : COLUMNS;
  return html`<${ViewHead} title="Notices">What was told outside this page. Each carries the journal’s newest checkpoint, so that a chat is a witness.</${ViewHead}>
    <${Ways} />
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
            columns=${columns}
            rows=${data.notices}
            keyOf=${(row) => row.notice_id}
          />`}</${Resource}></${Panel}>`;
}
