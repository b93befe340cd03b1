/** The journal: search, one entry, and its proof, verified in this browser. */
import { useResource } from "../core/resource.js";
import { route, to } from "../core/router.js";
import { shortMoment } from "../core/format.js";
import { get } from "../core/session.js";
import { say, useStore } from "../core/store.js";
import { html, useEffect, useState } from "../core/ui.js";
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
  const first = useResource(`/api/journal?${query}`, { on: ["ORDER_UPDATE", "APPROVAL_UPDATE"] });
  const [more, setMore] = useState({ entries: [], next: undefined });
  useEffect(() => setMore({ entries: [], next: undefined }), [first.data]);
  const next = more.next === undefined ? first.data?.next : more.next;

  const submit = (event) => {
    event.preventDefault();
    setAsked({ ...(text.trim() ? { text: text.trim() } : {}), ...(kind.trim() ? { kind: kind.trim() } : {}) });
  };
  const older = async () => {
    try {
      const page = await get(`/api/journal?${query}&before=${encodeURIComponent(next)}`);
      setMore({ entries: [...more.entries, ...page.entries], next: page.next ?? null });
    } catch (error) {
      say(error.message, "bad");
    }
  };

  return html`<form class="row" role="search" onSubmit=${submit}>
      <${Field} label="Contains" name="text" type="search" value=${text} onInput=${setText} placeholder="an ID, a symbol, a name" autocomplete="off" />
      <${Field} label="Kind" name="kind" value=${kind} onInput=${setKind} placeholder="order.permitted" autocomplete="off" spellcheck=${false} />
      <button class="button primary" type="submit">Search</button>
    </form>
    <${Panel} title="Entries, newest first" flush><${Resource} of=${first} what="Journal">${(data) => {
      const entries = [...data.entries, ...more.entries];
      return html`${
        entries.length === 0
          ? html`<${Nothing} title="No entry matches">Shorten what you look for.</${Nothing}>`
          : html`<ol>
              ${entries.map((it) => html`<${Line} key=${it.seq} it=${it} />`)}
            </ol>`
      }
      ${
        next !== undefined &&
        next !== null &&
        html`<div class="panel-body">
          <div class="row"><button class="button" type="button" onClick=${older}>Older entries</button></div>
        </div>`
      }`;
    }}</${Resource}></${Panel}>`;
}

/** The view. */
export default function Journal() {
  const { rest } = useStore(route, (it) => it);
  const seq = /^\d{1,15}$/.test(rest[0] ?? "") ? Number(rest[0]) : null;
  return html`<${ViewHead} title=${seq === null ? "Journal" : `Entry ${seq}`} actions=${seq !== null && html`<a class="button" href=${to("journal")}>All entries</a>`}>
      ${seq === null ? "Everything that was asked, decided, sent and answered. Each entry can be verified without trusting this appliance." : undefined}</${ViewHead}>
    ${seq === null ? html`<${Search} />` : html`<${JournalEntry} key=${seq} seq=${seq} />`}`;
}
