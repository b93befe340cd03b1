/** Agents and their tokens. A token is shown once, when it is made. */
import { useResource } from "../core/resource.js";
import { moment, shortMoment } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { html, useState } from "../core/ui.js";
import { Confirm, Dialog } from "../parts/dialog.js";
import { Check, Field } from "../parts/forms.js";
import { Message, Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const SCOPES = [
  ["read", "Read: look at prices, orders and the account"],
  ["paper", "Paper: trade play money"],
  ["live", "Live: trade real money"],
  ["feed", "Feed: its prices count for other agents"],
];

function state(agent) {
  if (agent.revoked_at) return html`<${Tag}>Revoked</${Tag}>`;
  return agent.good ? html`<${Tag} kind="good">Good</${Tag}>` : html`<${Tag} kind="warn">Expired</${Tag}>`;
}

function Add({ onClose, onMade }) {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState(["read", "paper"]);
  const [days, setDays] = useState("30");
  const [symbols, setSymbols] = useState("");
  const listed = symbols.split(/[\s,]+/).filter(Boolean);
  const body = {
    name: name.trim(),
    scopes,
    days: Number.parseInt(days, 10) || 0,
    ...(listed.length ? { symbols: listed } : {}),
  };
  const run = async ({ factor }) => onMade(await post("/api/agents", { ...body, factor }));
  return html`<${Confirm} title="Add an agent" act="Make its token" factor=${{ act: "add_agent", ...body }} run=${run} onClose=${onClose}>
    <${Field} label="Name" name="agent" value=${name} onInput=${setName} autocomplete="off" spellcheck=${false} maxlength="64" />
    <fieldset class="stack"><legend><strong>What it may do</strong></legend>
      ${SCOPES.map(([scope, text]) => html`<${Check} key=${scope} label=${text} checked=${scopes.includes(scope)} onChange=${(on) => setScopes(on ? [...scopes, scope] : scopes.filter((it) => it !== scope))} />`)}
    </fieldset>
    <${Field} label="Days until its token expires" name="days" value=${days} onInput=${setDays} inputmode="numeric" autocomplete="off" />
    <${Field} label="Only these instruments" name="symbols" value=${symbols} onInput=${setSymbols} hint="Symbols such as BTC/USDT, with blanks between them. Empty: every instrument that is configured." autocomplete="off" />
  </${Confirm}>`;
}

function Token({ made, onClose }) {
  return html`<${Dialog} title=${`The token of ${made.name}`} onClose=${onClose}>
    <${Message} kind="warn">It is shown this once, and kept here as a hash alone. Give it to the agent as <code>READYTRADER_AGENT_TOKEN</code>, or as a bearer token over HTTP.</${Message}>
    <p class="secret" tabindex="0">${made.token}</p>
    <div class="row ends"><button class="button" type="button" onClick=${() => navigator.clipboard?.writeText(made.token)}>Copy</button><button class="button primary" type="button" onClick=${onClose}>I have kept it</button></div>
  </${Dialog}>`;
}

/** The view. */
export default function Agents() {
  const agents = useResource("/api/agents", { everyMs: 30_000 });
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState(null);
  const [revoking, setRevoking] = useState(null);
  const columns = [
    { name: "Agent", cell: (row) => html`<strong>${row.name}</strong>` },
    { name: "Token", cell: state },
    { name: "May", cell: (row) => row.scopes.join(", ") },
    { name: "Instruments", cell: (row) => (row.symbols ? row.symbols.join(", ") || "none" : "all configured") },
    { name: "Made", cell: (row) => shortMoment(row.created_at) },
    { name: "Expires", cell: (row) => moment(row.revoked_at ?? row.expires_at) },
  ];
  if (mayAs("admin"))
    columns.push({
      name: "Revoke",
      act: true,
      cell: (row) =>
        row.revoked_at
          ? ""
          : html`<button
              class="button caution"
              type="button"
              aria-label=${`Revoke ${row.name}`}
              onClick=${() => setRevoking(row)}
            >
              Revoke…
            </button>`,
    });
  return html`<${ViewHead} title="Agents" actions=${mayAs("admin") && html`<button class="button primary" type="button" onClick=${() => setAdding(true)}>Add an agent…</button>`}>Each has a token of its own, which opens the agent’s door alone and nothing of this page.</${ViewHead}>
    <${Panel} title="Agents and tokens" flush><${Resource} of=${agents} what="Agents">${(data) =>
      data.agents.length === 0
        ? html`<${Nothing} title="No agents yet">Without a token an agent can trade paper money at most.</${Nothing}>`
        : html`<${Table}
            caption="Agents"
            columns=${columns}
            rows=${data.agents}
            keyOf=${(row) => row.name}
          />`}</${Resource}></${Panel}>
    ${
      adding &&
      html`<${Add}
        onClose=${() => setAdding(false)}
        onMade=${(answer) => {
          setMade(answer);
          agents.reload();
        }}
      />`
    }
    ${made && html`<${Token} made=${made} onClose=${() => setMade(null)} />`}
    ${
      revoking &&
      html`<${Confirm} title=${`Revoke ${revoking.name}?`} act="Revoke" danger done="Its token opens nothing any more." run=${async () => {
        await post(`/api/agents/${encodeURIComponent(revoking.name)}/revoke`);
        agents.reload();
      }} onClose=${() => setRevoking(null)}>
      <p>Its token stops working at once, for good. Its open orders stay.</p></${Confirm}>`
    }`;
}
