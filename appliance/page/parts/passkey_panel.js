/** Passkeys: a device that signs exactly the act that is shown. */
import { makePasskey, passkeyError, passkeysPossible, whyNoPasskeys } from "../core/passkeys.js";
import { useResource } from "../core/resource.js";
import { shortMoment } from "../core/format.js";
import { lookAgain, post, session } from "../core/session.js";
import { say, useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Confirm, Dialog } from "./dialog.js";
import { FactorFields } from "./factor.js";
import { Field } from "./forms.js";
import { Icon } from "./icons.js";
import { Message, Nothing, Panel, Resource } from "./states.js";

function Add({ onClose, onDone }) {
  const factors = useStore(session, (it) => it.factors);
  const [name, setName] = useState("This device");
  const [password, setPassword] = useState("");
  const [totp, setTotp] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const needsFactor = factors.totp || factors.passkeys > 0;

  const make = async (factor) => {
    setBusy(true);
    setError("");
    try {
      const options = await post("/api/auth/passkeys/begin", { password, ...(factor ? { factor } : {}) });
      const credential = await makePasskey(options.publicKey ?? options);
      await post("/api/auth/passkeys/finish", { name: name.trim(), credential });
      await lookAgain();
      say("The passkey is added.");
      onDone();
      onClose();
    } catch (failure) {
      setError(
        failure.status === undefined
          ? passkeyError(failure)
          : failure.code === "bad_credentials"
            ? "The password is wrong."
            : failure.message,
      );
      setBusy(false);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    make(needsFactor ? { totp: totp.trim() } : undefined);
  };
  return html`<${Dialog} title="Add a passkey" onClose=${onClose}><form class="stack" onSubmit=${submit}>
    <${Field} label="What to call it" name="passkey-name" value=${name} onInput=${setName} maxlength="64" required autocomplete="off" />
    <${Field} label="Your password" name="passkey-password" type="password" value=${password} onInput=${setPassword} autocomplete="current-password" required />
    ${needsFactor && html`<${FactorFields} subject=${{ act: "add_passkey" }} totp=${totp} setTotp=${setTotp} busy=${busy} onPasskey=${make} onError=${setError} />`}
    ${error && html`<${Message} kind="bad">${error}</${Message}>`}
    <div class="row ends"><button class="button" type="button" onClick=${onClose}>Keep as it is</button><button class="button primary" type="submit" disabled=${busy}>${busy ? "Working…" : "Add"}</button></div>
  </form></${Dialog}>`;
}

/** The panel. */
export function PasskeyPanel() {
  const passkeys = useResource("/api/auth/passkeys");
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState(null);
  const possible = passkeysPossible();
  return html`<${Panel} title="Passkeys" actions=${possible && html`<button class="button" type="button" onClick=${() => setAdding(true)}><${Icon} name="key" />Add…</button>`}>
    ${!possible && html`<${Message} kind="note">${whyNoPasskeys()}</${Message}>`}
    <${Resource} of=${passkeys} what="Passkeys">${(data) =>
      data.passkeys.length === 0
        ? html`<${Nothing} title="No passkey yet">A passkey signs exactly the act that it is used for.</${Nothing}>`
        : html`<ul class="stack">
            ${data.passkeys.map(
              (it) =>
                html`<li key=${it.id} class="row">
                  <${Icon} name="key" />
                  <strong>${it.name}</strong>
                  <span class="hint">added ${shortMoment(it.created_at)}</span>
                  <button
                    class="button caution"
                    type="button"
                    aria-label=${`Remove ${it.name}`}
                    onClick=${() => setRemoving(it)}
                  >
                    Remove…
                  </button>
                </li>`,
            )}
          </ul>`}</${Resource}>
    ${adding && html`<${Add} onClose=${() => setAdding(false)} onDone=${passkeys.reload} />`}
    ${
      removing &&
      html`<${Confirm} title=${`Remove ${removing.name}?`} act="Remove" danger factor=${{ act: "remove_passkey", passkey_id: removing.id }} done="The passkey is removed."
      run=${async ({ factor }) => {
        await post(`/api/auth/passkeys/${encodeURIComponent(removing.id)}/remove`, { factor });
        await lookAgain();
        passkeys.reload();
      }} onClose=${() => setRemoving(null)}><p>It opens nothing any more.</p></${Confirm}>`
    }
  </${Panel}>`;
}
