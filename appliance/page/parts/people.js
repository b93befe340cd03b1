/** The accounts of people, for an admin. */
import { useResource } from "../core/resource.js";
import { post, session } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Confirm } from "./dialog.js";
import { Choices, Field } from "./forms.js";
import { Panel, Resource, Tag } from "./states.js";
import { Table } from "./table.js";

const ROLES = [
  ["viewer", "Viewer"],
  ["operator", "Operator"],
  ["admin", "Admin"],
];

function Add({ onClose, onDone }) {
  const [username, setUsername] = useState("");
  const [role, setRole] = useState("viewer");
  const [password, setPassword] = useState("");
  const name = username.trim();
  return html`<${Confirm} title="Add a person" act="Add" factor=${{ act: "add_operator", username: name, role }} done="Added. They change the password when they sign in."
    run=${async ({ factor }) => {
      await post("/api/operators", { username: name, role, password, factor });
      onDone();
    }} onClose=${onClose}>
    <${Field} label="Name" name="person" value=${username} onInput=${setUsername} autocomplete="off" autocapitalize="none" spellcheck=${false} maxlength="64" />
    <${Choices} label="Role" value=${role} onChoose=${setRole} options=${ROLES} />
    <${Field} label="First password" name="first-password" type="password" value=${password} onInput=${setPassword} autocomplete="new-password" />
  </${Confirm}>`;
}

/** The panel. */
export function People() {
  const people = useResource("/api/operators");
  const me = useStore(session, (it) => it.username);
  const [adding, setAdding] = useState(false);
  const [disabling, setDisabling] = useState(null);
  const columns = [
    { name: "Name", cell: (row) => html`<strong>${row.username}</strong>` },
    { name: "Role", cell: (row) => row.role },
    {
      name: "State",
      cell: (row) =>
        html`<${Tag} kind=${row.disabled_at ? "" : "good"}>${row.disabled_at ? "Disabled" : "Active"}</${Tag}>`,
    },
    {
      name: "Second factors",
      cell: (row) =>
        [row.totp && "authenticator app", row.passkeys > 0 && "passkey"].filter(Boolean).join(", ") || "none",
    },
    {
      name: "Disable",
      act: true,
      cell: (row) =>
        row.disabled_at || row.username === me
          ? ""
          : html`<button
              class="button caution"
              type="button"
              aria-label=${`Disable ${row.username}`}
              onClick=${() => setDisabling(row.username)}
            >
              Disable…
            </button>`,
    },
  ];
  return html`<${Panel} title="People" flush actions=${html`<button class="button" type="button" onClick=${() => setAdding(true)}>Add a person…</button>`}>
    <${Resource} of=${people} what="People">${(data) => html`<${Table} caption="People" columns=${columns} rows=${data.operators} keyOf=${(row) => row.username} />`}</${Resource}>
    ${adding && html`<${Add} onClose=${() => setAdding(false)} onDone=${people.reload} />`}
    ${
      disabling &&
      html`<${Confirm} title=${`Disable ${disabling}?`} act="Disable" danger factor=${{ act: "disable_operator", username: disabling }} done="Disabled; their sessions ended."
      run=${async ({ factor }) => {
        await post(`/api/operators/${encodeURIComponent(disabling)}/disable`, { factor });
        people.reload();
      }} onClose=${() => setDisabling(null)}><p>Their sessions end at once.</p></${Confirm}>`
    }
  </${Panel}>`;
}
