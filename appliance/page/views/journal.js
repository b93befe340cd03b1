/** The journal: search, one entry, and its proof, verified in this browser. */
import { usePages } from "../core/resource.js";
import { route, to } from "../core/router.js";
import { shortMoment } from "../core/format.js";
import { useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Field } from "../parts/forms.js";
import { JournalEntry } from "../parts/journal_entry.js";
import { Nothing, Panel, Resource, ViewHead } from "../parts/states.js";

const PAGE = 50;

function Line({ it }) {
  return html`<li>
    <a class="journal-line" href=${to("journal", String(it.seq))}>
      <span class="mono soft">${it.seq}</span><span class="hint">${shortMoment(it.at)}</span>
      <span class="what"><span>${it.summary}</span><span class="hint mono">${it.kind}</span></span></a
    >
  </li>`;
}

function Search() {
  const [text, setText] = useState("");
  const [kind, setKind] = useState("");
  const [asked, setAsked] = useState({});
  const query = new URLSearchParams({ limit: String(PAGE), ...asked });
  const pages = usePages(`/api/journal?${query}`, {
    rows: "entries",
    keyOf: (it) => it.seq,
    on: ["ORDER_UPDATE", "APPROVAL_UPDATE"],
  });

  const submit = (event) => {
    event.preventDefault();
    setAsked({ ...(text.trim() ? { text: text.trim() } : {}), ...(kind.trim() ? { kind: kind.trim() } : {}) });
  };

  return html`<form class="row" role="search" onSubmit=${submit}>
      <${Field} label="Contains" name="text" type="search" value=${text} onInput=${setText} placeholder="an ID, a symbol, a name" autocomplete="off" />
      <${Field} label="Kind" name="kind" value=${kind} onInput=${setKind} placeholder="order.permitted" autocomplete="off" spellcheck=${false} />
      <button class="button primary" type="submit">Search</button>
    </form>
    <${Panel} title="Entries, newest first" flush><${Resource} of=${pages.first} what="Journal">${() =>
      pages.all.length === 0
        ? html`<${Nothing} title="No entry matches">Shorten what you look for.</${Nothing}>`
        : html`<ol>
            ${pages.all.map((it) => html`<${Line} key=${it.seq} it=${it} />`)}
          </ol>`}</${Resource}>
      ${pages.older && html`<div class="panel-body"><div class="row"><button class="button" type="button" onClick=${pages.older}>Older entries</button></div></div>`}</${Panel}>`;
}

/** The view. */
export default function Journal() {
  const { rest } = useStore(route, (it) => it);
  const seq = /^\d{1,15}$/.test(rest[0] ?? "") ? Number(rest[0]) : null;
  return html`<${ViewHead} title=${seq === null ? "Journal" : `Entry ${seq}`} actions=${seq !== null && html`<a class="button" href=${to("journal")}>All entries</a>`}>
      ${seq === null ? "Everything that was asked, decided, sent and answered. Each entry can be verified without trusting this appliance." : undefined}</${ViewHead}>
    ${seq === null ? html`<${Search} />` : html`<${JournalEntry} key=${seq} seq=${seq} />`}`;
}
