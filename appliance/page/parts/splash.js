/** Before it is known who is signed in. */
import { session } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html } from "../core/ui.js";
import { Brand } from "./brand.js";
import { Loading, Message } from "./states.js";

/** The page while the session is asked for. */
export function Splash() {
  const reachable = useStore(session, (it) => it.reachable);
  return html`<div class="gate">
    <main class="gate-middle">
      <div class="gate-card">
        <h1 class="brand"><${Brand} /></h1>
        ${reachable ? html`<${Loading} what="Looking for your session" />` : html`<${Message} kind="warn" role="status">The appliance does not answer. This page keeps trying.</${Message}>`}
      </div>
    </main>
  </div>`;
}
