/** One question at a time, over the page: the browser's own dialog, which keeps the focus and closes with Escape. */
import { passkeyError } from "../core/passkeys.js";
import { say } from "../core/store.js";
import { html, useEffect, useRef, useState } from "../core/ui.js";
import { FactorFields } from "./factor.js";
import { Field } from "./forms.js";
import { Message } from "./states.js";

/** A dialog that is open as long as it is drawn. */
export function Dialog({ title, onClose, actions, children }) {
  const box = useRef(null);
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      (before?.isConnected ? before : document.querySelector("main h1"))?.focus();
    };
  }, []);
  return html`<dialog
    ref=${box}
    aria-labelledby="dialog-title"
    onCancel=${(event) => {
      event.preventDefault();
      onClose();
    }}
  >
    <div class="dialog-body">
      <div class="dialog-head">
        <h2 id="dialog-title">${title}</h2>
        ${actions}
      </div>
      ${children}
    </div>
  </dialog>`;
}

/**
 * Asks once before an act, for a reason and a second factor where the act takes them.
 * @param {{title: string, act: string, danger?: boolean, reason?: boolean | string, factor?: object | null, done?: string,
 *   run: (given: {reason: string, factor: object | undefined}) => Promise<any>, onClose: () => void, children?: any}} props
 * `factor` is what the appliance is asked a passkey challenge for; null where none is needed.
 */
export function Confirm({ title, act, danger = false, reason = false, factor = null, done, run, onClose, children }) {
  const [why, setWhy] = useState("");
  const [totp, setTotp] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");

  const carryOut = async (given) => {
    setBusy(true);
    setError("");
    try {
      await run({ reason: why.trim(), factor: given });
      if (done) say(done);
      onClose();
    } catch (failure) {
      setError(failure.status === undefined ? passkeyError(failure) : failure.message);
      setTotp("");
      setBusy(false);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    carryOut(factor ? { totp: totp.trim() } : undefined);
  };

  return html`<${Dialog} title=${title} onClose=${() => busy || onClose()}>
    ${children}
    <form class="stack bare" onSubmit=${submit}>
      ${reason && html`<${Field} label="Reason" name="reason" value=${why} onInput=${setWhy} required maxlength="200" autocomplete="off" hint=${typeof reason === "string" ? reason : "Goes into the journal, with your name."} />`}
      ${factor && html`<${FactorFields} subject=${factor} totp=${totp} setTotp=${setTotp} busy=${busy} ready=${!reason || why.trim() !== ""} onPasskey=${carryOut} onError=${setError} />`}
      ${error && html`<${Message} kind="bad">${error}</${Message}>`}
      <div class="row ends">
        <button class="button" type="button" disabled=${busy} onClick=${onClose}>Keep as it is</button>
        <button class=${`button ${danger ? "danger" : "primary"}`} type="submit" disabled=${busy || (factor && !/^\d{6}$/.test(totp.trim()))}>${busy ? "Working…" : act}</button>
      </div>
    </form>
  </${Dialog}>`;
}
