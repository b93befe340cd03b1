/** One change of a limit: asked for, agreed to by others, taken back. */
import { nowThere } from "../core/live.js";
import { countdown, words } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { html, useEffect, useState } from "../core/ui.js";
import { Confirm } from "./dialog.js";
import { Field } from "./forms.js";
import { withUnit } from "./gauge.js";
import { Tag } from "./states.js";

/** A setting's key in words: what comes last in it is a bound or a unit. */
export const label = (name) =>
  words(
    name
      .replace(/^[a-z]+\./, "")
      .replace(/_(pct|sec|ms)$/, "")
      .replace(/_ttl$/, "_lifetime")
      .replace(/(^|_)cex_/, "$1exchange_")
      .replace(/^min$/, "at_least")
      .replace(/_max$/, ", at most")
      .replace(/_min$/, ", at least"),
  );

/** A limit's value, as the configuration writes it; `off` and `any` have no unit. */
export const shown = (value, unit) => (value === "" ? "not set" : withUnit(value, /\d/.test(value) ? unit : ""));

/** A setting's description: what stands between backticks is code. */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? html`<code>${part}</code>` : part));

/** Asks for another value of a limit. */
export function ChangeLimit({ limit, loosen, onClose }) {
  const [value, setValue] = useState(limit.value);
  const body = { name: limit.name, value: value.trim() };
  const run = async ({ reason, factor }) => {
    await post(`/api/limits/${loosen ? "loosen" : "tighten"}`, { ...body, reason, ...(factor ? { factor } : {}) });
  };
  return html`<${Confirm} title=${`${loosen ? "Loosen" : "Tighten"}: ${label(limit.name)}`} act=${loosen ? "Loosen after the delay" : "Tighten now"} reason
    factor=${loosen ? { act: "loosen", ...body } : null} done=${loosen ? "It takes effect after the delay. Anybody can withdraw it until then." : "It is in force."} run=${run} onClose=${onClose}>
    <p class="soft">${prose(limit.doc)}</p>
    <p>Now <strong>${shown(limit.value, limit.unit)}</strong>. Tighter means <strong>${words(limit.tighter).toLowerCase()}</strong>.</p>
    <${Field} label=${`New value${limit.unit ? `, ${limit.unit}` : ""}`} name="value" value=${value} onInput=${setValue} autocomplete="off" inputmode="text" />
  </${Confirm}>`;
}

function useSeconds() {
  const [now, setNow] = useState(nowThere());
  useEffect(() => {
    const timer = setInterval(() => setNow(nowThere()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** Who wants it: whoever asked, and whoever agreed. */
const agreed = (change) => [...new Set([change.asked_by, ...(change.confirmed_by ?? [])])];

function Agreed({ change }) {
  if (change.people_needed <= 1) return null;
  const given = agreed(change);
  return html`<p class="row">
    <${Tag} kind="accent" icon="agents">${given.length} of ${change.people_needed} people</${Tag}>
    <span class="hint">${given.join(", ")}</span>
  </p>`;
}

/** A loosening that waits: until when, who wants it, and the ways to agree or to take it back. */
export function PendingChange({ change, unit }) {
  const [asking, setAsking] = useState("");
  const left = (new Date(change.due_at).getTime() - useSeconds()) / 1000;
  const path = `/api/limits/changes/${encodeURIComponent(change.id)}`;
  const lacking = change.people_needed > agreed(change).length;
  const close = () => setAsking("");
  return html`<li class="limit">
    <div>
      <h3>${label(change.name)}</h3>
      <p class="hint">Asked for by ${change.asked_by}: ${change.reason}</p>
      <p class="hint">A restart begins the delay anew.</p>
      <${Agreed} change=${change} />
    </div>
    <span>
      <strong>${shown(change.before, unit)} → ${shown(change.value, unit)}</strong>${" "}
      <${Tag} kind="warn" icon="clock">${left > 0 ? `in ${countdown(left)}` : "due"}</${Tag}>
    </span>
    ${
      mayAs("operator") &&
      html`<div class="row">
        ${lacking && html`<button class="button" type="button" onClick=${() => setAsking("confirm")}>Agree…</button>`}
        <button class="button" type="button" onClick=${() => setAsking("withdraw")}>Withdraw…</button>
      </div>`
    }
    ${
      asking === "confirm" &&
      html`<${Confirm}
        title="Agree to this loosening?"
        act="Agree"
        factor=${{ act: "confirm_loosening", change_id: change.id }}
        done="Your agreement counts."
        run=${({ factor }) => post(`${path}/confirm`, { factor })}
        onClose=${close}
      >
        <p>${label(change.name)}: ${shown(change.before, unit)} → ${shown(change.value, unit)}, because ${change.reason}</p>
      </${Confirm}>`
    }
    ${
      asking === "withdraw" &&
      html`<${Confirm}
        title="Withdraw this change?"
        act="Withdraw"
        done="Withdrawn: the limit stays as it is."
        run=${() => post(`${path}/withdraw`)}
        onClose=${close}
      >
        <p>${label(change.name)} stays at ${shown(change.before, unit)}.</p>
      </${Confirm}>`
    }
  </li>`;
}
