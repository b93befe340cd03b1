/** Orders and fills: what was sent, and what came of it. */
import { usePages, useResource } from "../core/resource.js";
import { to } from "../core/router.js";
import { amount, brief, shortMoment } from "../core/format.js";
import { html, useState } from "../core/ui.js";
import { Choices, Field } from "../parts/forms.js";
import { OrderTable } from "../parts/order_table.js";
import { Nothing, Panel, Resource, Side, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const PAGE = 50;

function Orders({ liveOnly, symbol }) {
  const query = new URLSearchParams({ live_only: String(liveOnly), limit: "100", ...(symbol ? { symbol } : {}) });
  const orders = useResource(`/api/orders?${query}`, { on: ["ORDER_UPDATE"] });
  return html`<${Panel} title=${liveOnly ? "Open orders" : "Latest orders"} flush><${Resource} of=${orders} what="Orders">${(
    data,
  ) =>
    data.orders.length === 0
      ? html`<${Nothing} title="No orders">${symbol ? "None in this instrument." : "What an agent sends shows up here."}</${Nothing}>`
      : html`<${OrderTable} orders=${data.orders} caption="Orders" />`}</${Resource}></${Panel}>`;
}

function Fills({ symbol }) {
  const query = new URLSearchParams({ limit: String(PAGE), ...(symbol ? { symbol } : {}) });
  const pages = usePages(`/api/trades/history?${query}`, {
    rows: "trades",
    keyOf: (it) => it.entry,
    on: ["ORDER_UPDATE"],
  });
  return html`<${Panel} title="Fills" flush><${Resource} of=${pages.first} what="Fills">${() =>
    pages.all.length === 0
      ? html`<${Nothing} title="No fills yet">Each trade of each order, as the venue told it.</${Nothing}>`
      : html`<${Table}
            caption="Fills"
            rows=${pages.all}
            keyOf=${(row) => String(row.entry)}
            columns=${[
              {
                name: "Fill",
                cell: (row) =>
                  html`<div>
                    <${Side} side=${row.side} /> <strong>${row.symbol}</strong>
                    <div class="hint mono">${brief(row.order_id)}</div>
                  </div>`,
              },
              { name: "Quantity", number: true, cell: (row) => amount(row.quantity) },
              { name: "Price", number: true, cell: (row) => amount(row.price) },
              { name: "Notional", number: true, cell: (row) => amount(row.notional) },
              {
                name: "Fee",
                number: true,
                cell: (row) =>
                  html`<div>
                    ${amount(row.fee)}
                    <div class="hint">${row.liquidity}</div>
                  </div>`,
              },
              { name: "Venue", cell: (row) => row.venue },
              { name: "Agent", cell: (row) => row.agent },
              { name: "When", cell: (row) => shortMoment(row.filled_at) },
              {
                name: "Proof",
                cell: (row) => html`<a href=${to("journal", String(row.entry))}>Entry ${row.entry}</a>`,
              },
            ]}
          />${pages.older && html`<div class="panel-body"><div class="row"><button class="button" type="button" onClick=${pages.older}>Older fills</button></div></div>`}`}</${Resource}></${Panel}>`;
}

/** The view. */
export default function OrdersAndFills() {
  const [shown, setShown] = useState("open");
  const [typed, setTyped] = useState("");
  const [symbol, setSymbol] = useState("");
  return html`<${ViewHead} title="Orders and fills" />
    <form
      class="row"
      onSubmit=${(event) => {
        event.preventDefault();
        setSymbol(typed.trim().toUpperCase());
      }}
    >
      <${Choices}
        label="Which"
        value=${shown}
        onChoose=${setShown}
        options=${[
          ["open", "Open"],
          ["all", "All"],
          ["fills", "Fills"],
        ]}
      />
      <${Field}
        label="Instrument"
        name="symbol"
        value=${typed}
        onInput=${setTyped}
        placeholder="BTC/USDT"
        autocapitalize="characters"
        autocomplete="off"
      />
      <button class="button ends" type="submit">Show</button>
    </form>
    ${shown === "fills" ? html`<${Fills} symbol=${symbol} />` : html`<${Orders} liveOnly=${shown === "open"} symbol=${symbol} />`}`;
}
