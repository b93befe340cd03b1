/** The second factor: six digits of an authenticator app, or a passkey that signs exactly this act. */
import { passkeyError, passkeysPossible, usePasskey, whyNoPasskeys } from "../core/passkeys.js";
import { post, session } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html } from "../core/ui.js";
import { Field } from "./forms.js";
import { Icon } from "./icons.js";
import { Message } from "./states.js";

/**
 * @param {{subject: object, totp: string, setTotp: (text: string) => void, busy: boolean, ready?: boolean,
 *   onPasskey: (factor: {passkey: object}) => void, onError: (text: string) => void}} props
 * `subject` is the body of POST /api/auth/challenge: which act, and what it is bound to.
 */
export function FactorFields({ subject, totp, setTotp, busy, ready = true, onPasskey, onError }) {
  const factors = useStore(session, (it) => it.factors);
  const sign = async () => {
    onError("");
    try {
      const options = await post("/api/auth/challenge", subject);
      onPasskey({ passkey: await usePasskey(options.publicKey ?? options) });
    } catch (error) {
      onError(error.status === undefined ? passkeyError(error) : error.message);
    }
  };
  if (!factors.totp && !factors.passkeys) {
    return html`<${Message} kind="warn">This needs a second factor, and your account has none. <a href="#/security">Add one under My security.</a></${Message}>`;
  }
  return html`<fieldset class="stack" disabled=${busy}>
    <legend class="unseen">Second factor</legend>
    ${factors.totp && html`<${Field} label="Code of your authenticator app" name="totp" value=${totp} onInput=${setTotp} className="code-input" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6" />`}
    ${
      factors.passkeys > 0 &&
      html`<div class="stack">
        ${
          passkeysPossible()
            ? html`<button class="button" type="button" disabled=${!ready} onClick=${sign}>
                <${Icon} name="key" />Use a passkey${factors.totp ? " instead" : ""}
              </button>`
            : html`<p class="hint">${whyNoPasskeys()}</p>`
        }
      </div>`
    }
  </fieldset>`;
}
