/** Orders in a table, and the ways to end one. */
import { useResource } from "../core/resource.js";
import { amount, brief, shortMoment, words } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { say } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Confirm } from "./dialog.js";
import { Choices } from "./forms.js";
import { Nothing, Panel, Resource, Side, Tag } from "./states.js";
import { Table } from "./table.js";

const KINDS = { filled: "good", rejected: "bad", unknown: "warn", open: "accent", partly_filled: "accent" };
const OVER = new Set(["filled", "cancelled", "expired", "rejected", "absent"]);

/** An order's state as a tag. */
export function OrderState({ state }) {
  return html`<${Tag} kind=${KINDS[state] ?? ""}>${words(state)}</${Tag}>`;
}

function Cancel({ order }) {
  const [busy, setBusy] = useState(false);
  const cancel = async () => {
    setBusy(true);
    try {
      await post(`/api/orders/${encodeURIComponent(order.order_id)}/cancel`);
      say("The order is cancelled.");
    } catch (error) {
      say(error.message, "bad");
    }
    setBusy(false);
  };
  return html`<button
    class="button"
    type="button"
    disabled=${busy}
    onClick=${cancel}
    aria-label=${`Cancel ${order.side ?? ""} ${order.amount} ${order.symbol ?? ""}`}
  >
    ${busy ? "Cancelling…" : "Cancel"}
  </button>`;
}

/** A person's word on an order that nobody could find out about. */
function Resolve({ order }) {
  const [asking, setAsking] = useState(false);
  const [became, setBecame] = useState("absent");
  return html`<button class="button" type="button" onClick=${() => setAsking(true)}>Resolve…</button> ${
      asking &&
      html`<${Confirm} title="What became of this order?" act="Put it on record" reason="Where you looked, and what you saw." done="Your word is on record."
      factor=${{ act: "resolve", order_id: order.order_id, state: became }}
      run=${({ reason, factor }) => post(`/api/orders/${encodeURIComponent(order.order_id)}/resolve`, { state: became, reason, factor })} onClose=${() => setAsking(false)}>
      <p>Look at the venue first. What you say here frees what the order reserved.</p>
      <${Choices} label="What became of it" value=${became} onChoose=${setBecame} options=${[
        ["absent", "Never arrived"],
        ["cancelled", "Cancelled"],
      ]} />
    </${Confirm}>`
    }`;
}

/** Orders, newest first, each with its agent. */
export function OrderTable({ orders, caption }) {
  const columns = [
    {
      name: "Order",
      cell: ({ order }) =>
        html`<div>
          ${order.side ? html`<${Side} side=${order.side} /> ` : ""}<strong
            >${order.symbol ?? `to ${brief(order.to_address)}`}</strong
          >
          <div class="hint mono" title=${order.order_id}>${brief(order.order_id)}</div>
        </div>`,
    },
    {
      name: "State",
      cell: ({ order }) =>
        html`<div>
          <${OrderState} state=${order.state} />${order.reason && html`<div class="hint">${order.reason}</div>`}
        </div>`,
    },
    { name: "Amount", number: true, cell: ({ order }) => amount(order.amount) },
    {
      name: "Filled",
      number: true,
      cell: ({ order }) =>
        html`<div>
          ${amount(order.filled)}${order.average_price && html`<div class="hint">at ${amount(order.average_price)}</div>`}
        </div>`,
    },
    {
      name: "Price",
      number: true,
      cell: ({ order }) =>
        order.price ? amount(order.price) : html`<span class="soft">${order.order_type ?? "–"}</span>`,
    },
    {
      name: "Agent",
      cell: (row) =>
        html`<div>${row.agent}${row.approved_by && html`<div class="hint">approved by ${row.approved_by}</div>`}</div>`,
    },
    {
      name: "When",
      cell: ({ order }) => html`<span title=${order.created_at}>${shortMoment(order.created_at)}</span>`,
    },
  ];
  if (mayAs("operator"))
    columns.push({
      name: "Cancel",
      act: true,
      cell: ({ order }) =>
        OVER.has(order.state)
          ? ""
          : order.state === "unknown"
            ? html`<${Resolve} order=${order} />`
            : html`<${Cancel} order=${order} />`,
    });
  return html`<${Table} caption=${caption} columns=${columns} rows=${orders} keyOf=${(row) => row.order.order_id} />`;
}

/** What is open now. */
export function OpenOrders() {
  const open = useResource("/api/orders?live_only=true&limit=100", { on: ["ORDER_UPDATE"], everyMs: 15_000 });
  const [asking, setAsking] = useState(false);
  const many = (open.data?.orders.length ?? 0) > 0;
  return html`<${Panel} title="Open orders" flush actions=${many && mayAs("operator") && html`<button class="button caution" type="button" onClick=${() => setAsking(true)}>Cancel all…</button>`}>
    <${Resource} of=${open} what="Open orders">${({ orders }) =>
      orders.length === 0
        ? html`<${Nothing} title="No open orders">What an agent sends shows up here at once.</${Nothing}>`
        : html`<${OrderTable} orders=${orders} caption="Open orders" />`}</${Resource}>
    ${asking && html`<${Confirm} title="Cancel every open order?" act="Cancel all" danger done="Every open order was asked to be cancelled." run=${() => post("/api/orders/cancel-all")} onClose=${() => setAsking(false)}><p>Trading goes on: an agent may place new ones.</p></${Confirm}>`}
  </${Panel}>`;
}
