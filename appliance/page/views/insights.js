/** Insights and strategies: data that agents left. None of it ever lowers a gate. */
import { useResource } from "../core/resource.js";
import { shortMoment, words } from "../core/format.js";
import { html } from "../core/ui.js";
import { Message, Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const INSIGHTS = [
  { name: "Instrument", cell: (row) => html`<strong>${row.symbol}</strong>` },
  { name: "Signal", cell: (row) => html`<${Tag}>${words(row.signal)}</${Tag}>` },
  { name: "Confidence", number: true, cell: (row) => row.confidence },
  { name: "Reasoning", cell: (row) => row.reasoning },
  { name: "From", cell: (row) => row.agent_id },
  { name: "Said", cell: (row) => shortMoment(row.posted_at) },
  { name: "Until", cell: (row) => shortMoment(row.expires_at) },
];

const STRATEGIES = [
  {
    name: "Strategy",
    cell: (row) =>
      html`<div>
        <strong>${row.name}</strong>
        <div class="hint">${row.text}</div>
      </div>`,
  },
  { name: "Instruments", cell: (row) => row.symbols.join(", ") || "any" },
  { name: "By", cell: (row) => row.by },
  { name: "Since", cell: (row) => shortMoment(row.posted_at) },
];

/** The view. */
export default function Insights() {
  const insights = useResource("/api/insights", { everyMs: 15_000 });
  const strategies = useResource("/api/strategies", { everyMs: 30_000 });
  return html`<${ViewHead} title="Insights and strategies">What agents and people noted about markets.</${ViewHead}>
    <${Message} kind="note">Everything here is somebody’s word: it is kept with who said it and until when, and no rule listens to it.</${Message}>
    <${Panel} title="Insights" flush><${Resource} of=${insights} what="Insights">${(data) =>
      data.insights.length === 0
        ? html`<${Nothing} title="No insight is in force"></${Nothing}>`
        : html`<${Table}
            caption="Insights"
            columns=${INSIGHTS}
            rows=${data.insights}
            keyOf=${(row) => row.insight_id}
          />`}</${Resource}></${Panel}>
    <${Panel} title="Strategies" flush><${Resource} of=${strategies} what="Strategies">${(data) =>
      data.strategies.length === 0
        ? html`<${Nothing} title="No strategy is recorded"></${Nothing}>`
        : html`<${Table}
            caption="Strategies"
            columns=${STRATEGIES}
            rows=${data.strategies}
            keyOf=${(row) => row.name}
          />`}</${Resource}></${Panel}>`;
}
