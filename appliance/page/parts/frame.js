/** Everything around a view: bar, strips of state, navigation, the view itself, and what is said aloud. */
import { live, onPush, takeStatus } from "../core/live.js";
import { useResource } from "../core/resource.js";
import { route } from "../core/router.js";
import { get, session } from "../core/session.js";
import { toasts, unsay, useStore } from "../core/store.js";
import { html, useEffect, useErrorBoundary, useRef, useState } from "../core/ui.js";
import { Bar } from "./bar.js";
import { Foot } from "./brand.js";
import { Icon } from "./icons.js";
import { Menu, Rail, Tabs } from "./navigation.js";
import { Failed, Loading } from "./states.js";
import { Strips } from "./strips.js";

/** How often is asked for what decides, while nothing is pushed. */
const INTERRUPTED_MS = 4000;

const VIEWS = {
  now: ["Now", () => import("../views/now.js")],
  approvals: ["Approvals", () => import("../views/approvals.js")],
  orders: ["Orders and fills", () => import("../views/orders.js")],
  insights: ["Insights and strategies", () => import("../views/insights.js")],
  journal: ["Journal", () => import("../views/journal.js")],
  notices: ["Notices", () => import("../views/notices.js")],
  reports: ["Reports", () => import("../views/reports.js")],
  limits: ["Limits", () => import("../views/limits.js")],
  agents: ["Agents", () => import("../views/agents.js")],
  plugins: ["Plugins and venues", () => import("../views/plugins.js")],
  settings: ["Settings", () => import("../views/settings.js")],
  security: ["My security", () => import("../views/security.js")],
};

const NOT_LOADED = {
  message: "This view could not be loaded: the appliance does not answer, or it was replaced by another version.",
};

/** The page of somebody who is signed in. */
export function Frame() {
  const { view } = useStore(route, (it) => it);
  const known = VIEWS[view] ? view : "now";
  const [menu, setMenu] = useState(false);
  const status = useStore(live, (it) => it.status);
  const epoch = useStore(live, (it) => it.epoch);
  const acts = useStore(session, (it) => it.acts);
  const interrupted = useStore(live, (it) => it.line !== "live");
  const everyMs = interrupted ? INTERRUPTED_MS : 0;
  const pending = useResource("/api/pending-approvals", { on: ["APPROVAL_UPDATE"], everyMs });
  const waiting = pending.data?.pending.length ?? status?.approvals_pending ?? 0;

  useEffect(() => {
    const look = () => get("/api/status").then(takeStatus, () => {});
    look();
    const clock = everyMs ? setInterval(look, everyMs) : 0;
    return () => clearInterval(clock);
  }, [epoch, acts, everyMs]);
  useEffect(() => {
    document.title = `${waiting ? `(${waiting}) ` : ""}${VIEWS[known][0]} · ReadyTrader`;
  }, [known, waiting]);
  useEffect(() => setMenu(false), [view]);

  return html`<a class="skip" href="#main" onClick=${toMain}>Skip to the view</a>
    <div class="frame">
      <${Bar} />
      <${Rail} view=${known} waiting=${waiting} />
      <div class="middle">
        <${Guarded} what="What would stand here"><${Strips} /></${Guarded}>
        <main class="view" id="main" tabindex="-1">
          <${View} name=${known} pending=${pending} />
        </main>
        <${Foot} version=${status?.version ?? ""} />
      </div>
      <${Tabs} view=${known} waiting=${waiting} openMenu=${() => setMenu(true)} />
    </div>
    ${menu && html`<${Menu} view=${known} onClose=${() => setMenu(false)} />`}
    <${Aloud} waiting=${waiting} />
    <${Toasts} />`;
}

/** A part that fails to draw, because an answer is not what it should be, takes nothing else with it: above all not the halt. */
function Guarded({ what, children }) {
  const [fault, again] = useErrorBoundary();
  if (!fault) return children;
  return html`<${Failed} error=${{ message: `${what} could not be drawn: an answer of the appliance is not as it should be.` }} again=${again} />`;
}

function toMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function View({ name, pending }) {
  const [shown, setShown] = useState({ name: null, component: null, error: null });
  const first = useRef(true);
  const load = () =>
    VIEWS[name][1]().then(
      (module) => setShown({ name, component: module.default, error: null }),
      () => setShown({ name, component: null, error: NOT_LOADED }),
    );
  useEffect(() => {
    load();
  }, [name]);
  useEffect(() => {
    if (!shown.component) return;
    if (!first.current) {
      scrollTo(0, 0);
      document.querySelector("main h1")?.focus();
    }
    first.current = false;
  }, [shown.component]);
  if (shown.name !== name) return html`<${Loading} what=${VIEWS[name][0]} />`;
  if (shown.error) return html`<${Failed} error=${shown.error} again=${() => location.reload()} />`;
  return html`<${Guarded} key=${name} what="This view"><${shown.component} pending=${pending} /></${Guarded}>`;
}

/** Tells a screen reader what a glance would: a new proposal politely, a halt at once. */
function Aloud({ waiting }) {
  const [polite, setPolite] = useState("");
  const [urgent, setUrgent] = useState("");
  const before = useRef({ waiting, halted: null });
  const halted = useStore(live, (it) => it.status?.halted ?? null);
  useEffect(() => {
    if (waiting > before.current.waiting)
      setPolite(waiting === 1 ? "A proposal waits for a person." : `${waiting} proposals wait for a person.`);
    before.current.waiting = waiting;
  }, [waiting]);
  useEffect(() => {
    if (halted === true && before.current.halted === false) setUrgent("Trading is halted.");
    if (halted === false && before.current.halted === true) setUrgent("Trading is resumed.");
    before.current.halted = halted;
  }, [halted]);
  useEffect(
    () =>
      onPush(
        "APPROVAL_UPDATE",
        ({ state }) =>
          state && state !== "pending" && setPolite(`A proposal is ${String(state).replaceAll("_", " ")}.`),
      ),
    [],
  );
  return html`<div class="unseen" aria-live="polite">${polite}</div>
    <div class="unseen" aria-live="assertive">${urgent}</div>`;
}

function Toasts() {
  const shown = useStore(toasts, (it) => it.shown);
  return html`<div class="toasts" role="status">
    ${shown.map(
      (it) =>
        html`<div key=${it.id} class=${`toast ${it.kind}`}>
          <${Icon} name=${it.kind} />
          <p>${it.text}</p>
          <button class="button plain" type="button" aria-label="Put away" onClick=${() => unsay(it.id)}>
            <${Icon} name="close" />
          </button>
        </div>`,
    )}
  </div>`;
}
