/** What must not be overlooked, above every view: no answer, a restart, a halt, a restriction, a journal that failed. */
import { live, seenRestart } from "../core/live.js";
import { mayAs, post, session } from "../core/session.js";
import { scopeWords, shortMoment, words } from "../core/format.js";
import { useStore } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Confirm } from "./dialog.js";
import { Icon } from "./icons.js";

const GLOBAL = "global";

function Narrowed({ it }) {
  const [asking, setAsking] = useState(false);
  const halted = it.state === "halted";
  const where = scopeWords(it.scope);
  return html`<div class=${`strip ${halted ? "bad" : ""}`}>
    <${Icon} name=${halted ? "halt" : "warn"} />
    <p>
      <strong>${words(it.state)}: ${where}.</strong> ${it.reason}${" "}
      <span class="soft">By ${it.by}, ${shortMoment(it.since)}</span>
    </p>
    ${mayAs("operator") && html`<button class="button" type="button" onClick=${() => setAsking(true)}>Resume…</button>`}
    ${
      asking &&
      html`<${Confirm} title=${`Resume ${where}?`} act="Resume" reason factor=${{ act: "resume", scope: it.scope }} done=${`Resumed: ${where}.`}
      run=${({ reason, factor }) => post("/api/resume", { scope: it.scope, reason, factor })} onClose=${() => setAsking(false)}>
      <p>It was set to ${it.state.replaceAll("_", " ")} by ${it.by}: ${it.reason}</p>
    </${Confirm}>`
    }
  </div>`;
}

/** The scopes that are not active, what is halted first; a halt that no entry explains yet shows as well. */
function narrowedOf(status) {
  const halted = (it) => it.state === "halted";
  const narrowed = (status?.states ?? []).filter((it) => it.state !== "active").sort((a, b) => halted(b) - halted(a));
  const explained = narrowed.some((it) => it.scope === GLOBAL && halted(it));
  return status?.halted && !explained
    ? [{ scope: GLOBAL, state: "halted", by: "the halt file", reason: "", since: status.now }, ...narrowed]
    : narrowed;
}

/** The strips. */
export function Strips() {
  const status = useStore(live, (it) => it.status);
  const line = useStore(live, (it) => it.line);
  const restarted = useStore(live, (it) => it.restarted);
  const reachable = useStore(session, (it) => it.reachable);
  return html`<section aria-label="State">
    ${
      !reachable &&
      html`<div class="strip bad" role="alert">
        <${Icon} name="lost" />
        <p>
          <strong>The appliance does not answer.</strong> What is shown is the last that was known. This page keeps
          trying; <code>readytrader halt</code> works in a terminal even so.
        </p>
      </div>`
    }
    ${
      reachable &&
      line === "lost" &&
      html`<div class="strip" role="status">
        <${Icon} name="lost" />
        <p><strong>The live line is interrupted.</strong> Reconnecting by itself; figures may be some seconds old.</p>
      </div>`
    }
    ${
      restarted &&
      html`<div class="strip note" role="status">
        <${Icon} name="note" />
        <p>
          <strong>The appliance was restarted.</strong> Everything was asked for again. Look at open proposals and
          orders before you act.
        </p>
        <button class="button" type="button" onClick=${seenRestart}>Understood</button>
      </div>`
    }
    ${
      status?.journal_failure &&
      html`<div class="strip bad" role="alert">
        <${Icon} name="bad" />
        <p>
          <strong>The journal cannot be written:</strong> ${status.journal_failure} Nothing is sent until a restart.
        </p>
      </div>`
    }
    ${(status?.notices?.untold ?? []).map(
      (it) =>
        html`<div class="strip bad" role="alert" key=${it.notice_id}>
          <${Icon} name="bad" />
          <p><strong>Nobody was told: ${it.subject}.</strong> ${it.text}</p>
          <a class="button" href="#/notices">See notices</a>
        </div>`,
    )}
    ${narrowedOf(status).map((it) => html`<${Narrowed} key=${it.scope} it=${it} />`)}
  </section>`;
}
