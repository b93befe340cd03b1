/** My security: authenticator app, passkeys, password. */
import { session } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html } from "../core/ui.js";
import { PasskeyPanel } from "../parts/passkey_panel.js";
import { PasswordPanel } from "../parts/password_panel.js";
import { TotpPanel } from "../parts/totp_panel.js";
import { Message, ViewHead } from "../parts/states.js";

/** The view. */
export default function Security() {
  const factors = useStore(session, (it) => it.factors);
  return html`<${ViewHead} title="My security">What shows that it is you who approves, loosens a limit or resumes.</${ViewHead}>
    ${!factors.totp && !factors.passkeys && html`<${Message} kind="warn">You have no second factor yet: without one you can look, halt, refuse and tighten, and nothing else.</${Message}>`}
    <div class="columns"><div class="half"><${TotpPanel} /></div><div class="half stack"><${PasskeyPanel} /><${PasswordPanel} /></div></div>`;
}
