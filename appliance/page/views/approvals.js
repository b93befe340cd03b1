/** Approvals: everything that would be done, and a person's yes or no to exactly that. */
import { useResource } from "../core/resource.js";
import { amount, shortMoment, words } from "../core/format.js";
import { mayAs, post } from "../core/session.js";
import { say } from "../core/store.js";
import { html, useState } from "../core/ui.js";
import { Confirm } from "../parts/dialog.js";
import { Clock, Proposal, deedOf } from "../parts/proposal.js";
import { Message, Nothing, Panel, Resource, Tag, ViewHead } from "../parts/states.js";
import { Table } from "../parts/table.js";

const SAID = {
  approved: "Approved: the order was sent.",
  refused: "Refused.",
  waiting_for_another: "Your approval counts. Another person has to approve as well.",
};

/** What the appliance is told: the token is bound to what was shown, so a proposal that changed is not approved. */
async function decide(detail, body) {
  const answer = await post("/api/approve-trade", {
    request_id: detail.request_id,
    confirm_token: detail.confirm_token,
    ...body,
  });
  say(SAID[answer.state] ?? words(answer.state));
}

/** What the price cannot become, in words that say on which side it would be worse. */
function worst({ side, price_worst: price }) {
  return price ? `Not ${side === "sell" ? "below" : "above"} ${amount(price)}.` : "";
}

function Asking({ asking, still, onClose }) {
  const { detail, approve } = asking;
  const gone =
    !still &&
    html`<${Message} kind="warn" role="alert">This proposal does not wait any more: it was decided elsewhere, or its time is over.</${Message}>`;
  if (!approve) {
    return html`<${Confirm} title="Refuse this proposal?" act="Refuse" danger reason="The agent is told that a person refused, and why." run=${({ reason }) => decide(detail, { approve: false, reason })} onClose=${onClose}>
      <p>${deedOf(detail)}</p>${gone}
    </${Confirm}>`;
  }
  return html`<${Confirm} title="Approve exactly this?" act="Approve" factor=${{ act: "approve", request_id: detail.request_id }} run=${({ factor }) => decide(detail, { approve: true, factor })} onClose=${onClose}>
    <p class="deed">${deedOf(detail)}</p>
    ${still && html`<${Clock} detail=${detail} />`}
    <p class="soft">Every rule runs again on fresh facts before anything is sent. ${worst(detail)}</p>${gone}
  </${Confirm}>`;
}

const DECIDED = { pending: "warn", approved: "good", refused: "bad" };

const COLUMNS = [
  {
    name: "Proposal",
    cell: (row) =>
      html`<div>
        <strong>${row.asks}</strong>
        <div class="hint">
          for ${amount(row.notional_max)} at most${row.price_worst ? `, not beyond ${amount(row.price_worst)}` : ""}
        </div>
      </div>`,
  },
  { name: "State", cell: (row) => html`<${Tag} kind=${DECIDED[row.state] ?? ""}>${words(row.state)}</${Tag}>` },
  {
    name: "By",
    cell: (row) =>
      [
        ...(row.approvals_given ?? []).map((it) => `${it.name} (${it.factor})`),
        ...(row.decided_by && row.state !== "approved" ? [row.decided_by] : []),
      ].join(", ") ||
      row.decided_by ||
      "–",
  },
  { name: "Why", cell: (row) => row.reason ?? "–" },
  { name: "Agent", cell: (row) => row.agent },
  { name: "When", cell: (row) => shortMoment(row.decided_at ?? row.made_at) },
];

function Decided() {
  const decided = useResource("/api/approvals?limit=25", { on: ["APPROVAL_UPDATE"] });
  return html`<${Panel} title="Latest proposals" flush><${Resource} of=${decided} what="Latest proposals">${({
    approvals,
  }) =>
    approvals.length === 0
      ? html`<${Nothing} title="None yet"></${Nothing}>`
      : html`<${Table}
          caption="Latest proposals"
          rows=${approvals}
          keyOf=${(row) => row.request_id}
          columns=${COLUMNS}
        />`}</${Resource}></${Panel}>`;
}

/** The view. */
export default function Approvals({ pending }) {
  const [asking, setAsking] = useState(null);
  const still =
    asking !== null &&
    (pending.data?.pending ?? []).some(
      (it) => it.request_id === asking.detail.request_id && it.digest === asking.detail.digest,
    );
  return html`<${ViewHead} title="Approvals">What an agent may not do without a person. Without an answer nothing is done.</${ViewHead}>
    <${Resource} of=${pending} what="Proposals">${({ pending: waiting }) =>
      waiting.length === 0
        ? html`<section class="panel"><${Nothing} title="Nothing waits for you">A proposal shows up here at once, and is read out.</${Nothing}></section>`
        : html`<div class="stack">
            ${waiting.map(
              (detail) =>
                html`<${Proposal}
                  key=${detail.request_id}
                  detail=${detail}
                  mayDecide=${mayAs("operator")}
                  onDecide=${(approve) => setAsking({ detail, approve })}
                />`,
            )}
          </div>`}</${Resource}>
    <${Decided} />
    ${
      asking &&
      html`<${Asking}
        key=${`${asking.detail.request_id} ${asking.approve}`}
        asking=${asking}
        still=${still}
        onClose=${() => {
          setAsking(null);
          pending.reload();
        }}
      />`
    }`;
}
