/** The ways to the views: a rail beside, and on a phone four of them at the bottom and a menu with the rest. */
import { to } from "../core/router.js";
import { session, signOut } from "../core/session.js";
import { useStore } from "../core/store.js";
import { html } from "../core/ui.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icons.js";
import { ThemeSwitch } from "./theme.js";

const GROUPS = [
  [
    "Trading",
    [
      ["now", "Now"],
      ["approvals", "Approvals"],
      ["orders", "Orders and fills"],
      ["insights", "Insights"],
    ],
  ],
  [
    "Records",
    [
      ["journal", "Journal"],
      ["notices", "Notices"],
      ["reports", "Reports"],
    ],
  ],
  [
    "Control",
    [
      ["limits", "Limits"],
      ["agents", "Agents"],
      ["plugins", "Plugins and venues"],
      ["settings", "Settings"],
    ],
  ],
];
const TABS = [
  ["now", "Now"],
  ["approvals", "Approvals"],
  ["orders", "Orders"],
  ["limits", "Limits"],
];

function Count({ waiting }) {
  return waiting > 0 && html`<span class="count">${waiting}<span class="unseen"> waiting</span></span>`;
}

function Entry({ name, label, view, waiting = 0 }) {
  return html`<a href=${to(name)} aria-current=${name === view ? "page" : undefined}
    ><${Icon} name=${name} />${label}<${Count} waiting=${waiting}
  /></a>`;
}

function Entries({ view, waiting }) {
  return GROUPS.map(
    ([group, entries]) =>
      html`<p class="nav-group" id=${`nav-${group}`}>${group}</p>
        ${entries.map(([name, label]) => html`<${Entry} key=${name} name=${name} label=${label} view=${view} waiting=${name === "approvals" ? waiting : 0} />`)}`,
  );
}

function Who() {
  const { username, role } = useStore(session, (it) => it);
  return html`<p>Signed in as <strong>${username}</strong>, ${role}</p>`;
}

/** Beside the view, where there is room. */
export function Rail({ view, waiting }) {
  return html`<aside class="rail" aria-label="Views and account">
    <nav class="nav" aria-label="Views"><${Entries} view=${view} waiting=${waiting} /></nav>
    <div class="who stack">
      <${Who} />
      <nav class="nav" aria-label="Account"><${Entry} name="security" label="My security" view=${view} /></nav>
      <${ThemeSwitch} />
      <button class="button" type="button" onClick=${signOut}>Sign out</button>
    </div>
  </aside>`;
}

/** At the bottom of a phone. */
export function Tabs({ view, waiting, openMenu }) {
  const elsewhere = !TABS.some(([name]) => name === view);
  return html`<nav class="tabs" aria-label="Views, short">
    ${TABS.map(([name, label]) => html`<${Entry} key=${name} name=${name} label=${label} view=${view} waiting=${name === "approvals" ? waiting : 0} />`)}
    <button type="button" aria-haspopup="dialog" aria-current=${elsewhere ? "page" : undefined} onClick=${openMenu}>
      <${Icon} name="more" />More
    </button>
  </nav>`;
}

/** Every view, over the page, for a phone. */
export function Menu({ view, onClose }) {
  return html`<${Dialog} title="All views" onClose=${onClose} actions=${html`<button class="button plain" type="button" onClick=${onClose}>Close</button>`}>
    <nav class="nav" aria-label="All views"><${Entries} view=${view} waiting=${0} /><${Entry} name="security" label="My security" view=${view} /></nav>
    <${Who} />
    <${ThemeSwitch} />
    <button class="button" type="button" onClick=${signOut}>Sign out</button>
  </${Dialog}>`;
}
