/** Enrolling an authenticator app: the secret as text and as a picture that is drawn here. */
import { lookAgain, post, session } from "../core/session.js";
import { say, useStore } from "../core/store.js";
import { html, useEffect, useState } from "../core/ui.js";
import { FactorFields } from "./factor.js";
import { Field } from "./forms.js";
import { Message, Panel, Tag } from "./states.js";

const QUIET = 4;

/** A QR code as squares; drawn by code that came with this page. */
function QrCode({ text }) {
  const [path, setPath] = useState(null);
  useEffect(() => {
    import("../vendor/qrcode.js").then(({ qrcode }) => {
      const code = qrcode(0, "M");
      code.addData(text);
      code.make();
      const size = code.getModuleCount();
      const dark = [];
      for (let row = 0; row < size; row++)
        for (let column = 0; column < size; column++)
          if (code.isDark(row, column)) dark.push(`M${column + QUIET} ${row + QUIET}h1v1h-1z`);
      setPath({ size: size + 2 * QUIET, dark: dark.join("") });
    });
  }, [text]);
  return (
    path &&
    html`<svg
      class="qr"
      role="img"
      aria-label="The same as a QR code"
      viewBox=${`0 0 ${path.size} ${path.size}`}
      shape-rendering="crispEdges"
    >
      <path d=${path.dark} fill="#000000" />
    </svg>`
  );
}

function Begin({ onBegun }) {
  const factors = useStore(session, (it) => it.factors);
  const [password, setPassword] = useState("");
  const [totp, setTotp] = useState("");
  const [error, setError] = useState("");
  const again = factors.totp;
  const needsFactor = factors.totp || factors.passkeys > 0;
  const begin = async (factor) => {
    setError("");
    try {
      onBegun(await post("/api/auth/totp/begin", { password, ...(factor ? { factor } : {}) }));
    } catch (failure) {
      setError(failure.code === "bad_credentials" ? "The password is wrong." : failure.message);
      setTotp("");
    }
  };
  const submit = (event) => {
    event.preventDefault();
    begin(needsFactor ? { totp: totp.trim() } : undefined);
  };
  return html`<form class="stack" onSubmit=${submit}>
    <p>
      ${
        again
          ? "Setting up another app replaces the present one."
          : "An app on your phone makes six digits that change every 30 seconds."
      }
    </p>
    <${Field}
      label="Your password"
      name="totp-password"
      type="password"
      value=${password}
      onInput=${setPassword}
      autocomplete="current-password"
      required
    />
    ${
      needsFactor &&
      html`<${FactorFields}
        subject=${{ act: "set_up_totp" }}
        totp=${totp}
        setTotp=${setTotp}
        busy=${false}
        ready=${password !== ""}
        onPasskey=${begin}
        onError=${setError}
      />`
    }
    ${error && html`<${Message} kind="bad">${error}</${Message}>`}
    <div class="row">
      <button class="button primary" type="submit">${again ? "Set up another app" : "Set up an app"}</button>
    </div>
  </form>`;
}

function Finish({ begun, onDone }) {
  const [code, setCode] = useState("");
  const [error, setError] = useState("");
  const submit = async (event) => {
    event.preventDefault();
    try {
      await post("/api/auth/totp/confirm", { code: code.trim() });
      await lookAgain();
      say("Your authenticator app is set up.");
      onDone();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<form class="stack" onSubmit=${submit}>
    <p>Scan this with the app, or type the secret. Then give the six digits that it shows.</p>
    <${QrCode} text=${begun.uri} />
    <div class="field">
      <span class="label">Secret</span>
      <p class="secret" tabindex="0">${begun.secret}</p>
    </div>
    <div class="field">
      <span class="label">The same as an address</span>
      <p class="mono hint">${begun.uri}</p>
    </div>
    <${Field}
      label="Code that the app shows"
      name="totp-code"
      value=${code}
      onInput=${setCode}
      className="code-input"
      inputmode="numeric"
      autocomplete="one-time-code"
      pattern="[0-9]{6}"
      maxlength="6"
      required
      error=${error}
    />
    <div class="row">
      <button class="button primary" type="submit">Confirm</button
      ><button class="button" type="button" onClick=${onDone}>Not now</button>
    </div>
  </form>`;
}

/** The panel. */
export function TotpPanel() {
  const enrolled = useStore(session, (it) => it.factors.totp);
  const [begun, setBegun] = useState(null);
  return html`<${Panel} title="Authenticator app" actions=${html`<${Tag} kind=${enrolled ? "good" : ""}>${enrolled ? "Set up" : "Not set up"}</${Tag}>`}>
    ${begun ? html`<${Finish} begun=${begun} onDone=${() => setBegun(null)} />` : html`<${Begin} onBegun=${setBegun} />`}
    ${begun && html`<${Message} kind="warn">Whoever sees this secret can make your codes. It is not shown again.</${Message}>`}
  </${Panel}>`;
}
