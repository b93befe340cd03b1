/** Begins: the look that was chosen, the session that this tab had, and then the page. */
import { connect, disconnect } from "./core/live.js";
import { resumeSession, session } from "./core/session.js";
import { useStore } from "./core/store.js";
import { html, render, useEffect } from "./core/ui.js";
import { Frame } from "./parts/frame.js";
import { applyTheme } from "./parts/theme.js";
import { Splash } from "./parts/splash.js";
import { SignIn } from "./views/sign_in.js";

function Page() {
  const state = useStore(session, (it) => it.state);
  useEffect(() => {
    if (state !== "in") return undefined;
    connect();
    return disconnect;
  }, [state]);
  if (state === "starting") return html`<${Splash} />`;
  return state === "in" ? html`<${Frame} />` : html`<${SignIn} why=${state} />`;
}

applyTheme();
render(html`<${Page} />`, document.getElementById("page"));
resumeSession();
