/** Signing in: name and password, then the code of an authenticator app where the account has one. */
import { signIn } from "../core/session.js";
import { html, useEffect, useRef, useState } from "../core/ui.js";
import { Brand, Foot } from "../parts/brand.js";
import { Field } from "../parts/forms.js";
import { Message } from "../parts/states.js";

const WHY = {
  expired: ["warn", "Your session ended. Nothing that you asked for since then was done."],
  copied: ["note", "Each tab signs in for itself. This one is a copy; the one that it was copied from stays signed in."],
};

const WRONG = { false: "Name or password is wrong.", true: "Name, password or code is wrong." };

/** The page of nobody. `why` is the session's state: what led here. */
export function SignIn({ why }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [totp, setTotp] = useState("");
  const [needsCode, setNeedsCode] = useState(false);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const form = useRef(null);

  useEffect(() => {
    document.title = "Sign in · ReadyTrader";
  }, []);
  useEffect(() => {
    form.current.elements[needsCode ? "totp" : "username"]?.focus();
  }, [needsCode]);

  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await signIn(name.trim(), password, needsCode ? totp.trim() : undefined);
    } catch (failure) {
      if (failure.code === "totp_needed") setNeedsCode(true);
      else setError(failure.code === "bad_credentials" ? WRONG[needsCode] : failure.message);
      setTotp("");
      setBusy(false);
      form.current?.elements[needsCode ? "totp" : "password"].select();
    }
  };

  return html`<div class="gate">
    <main class="gate-middle">
      <form class="gate-card" ref=${form} onSubmit=${submit}>
        <div class="stack">
          <p class="brand"><${Brand} /></p>
          <h1>Sign in</h1>
        </div>
        ${WHY[why] && html`<${Message} kind=${WHY[why][0]} role="status">${WHY[why][1]}</${Message}>`}
        <${Field}
          label="Name"
          name="username"
          value=${name}
          onInput=${setName}
          autocomplete="username"
          autocapitalize="none"
          spellcheck=${false}
          required
        />
        <${Field}
          label="Password"
          name="password"
          type="password"
          value=${password}
          onInput=${setPassword}
          autocomplete="current-password"
          required
        />
        ${needsCode && html`<${Field} label="Code of your authenticator app" name="totp" value=${totp} onInput=${setTotp} className="code-input" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6" required />`}
        ${error && html`<${Message} kind="bad">${error}</${Message}>`}
        <button class="button primary" type="submit" disabled=${busy}>${busy ? "Signing in…" : "Sign in"}</button>
        <p class="hint">Accounts are made on the host: <code>readytrader operator add NAME --role operator</code></p>
      </form>
    </main>
    <${Foot} version="" />
  </div>`;
}
