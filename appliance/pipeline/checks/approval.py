"""Whether a person must agree first (R32). Asked only after every other rule has passed."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import digest
from appliance.domain.limits import ApprovalMode
from appliance.pipeline.case import Case, deny
from appliance.pipeline.checks.market import price_overshoot_pct


def approval_matches(case: Case) -> Denial | None:
    """An approval counts for exactly the request that was shown."""
    approval = case.snapshot.approval
    if approval is None or approval.intent_digest == digest(case.request):
        return None
    return deny(Code.APPROVAL_MISMATCH, "the approval was given for another request", approval.intent_digest[:16])


def people_enough(case: Case) -> Denial | None:
    """As many different persons agreed as the operator asks for now."""
    approval, needed = case.snapshot.approval, case.limits.approval_people_min
    if approval is None:
        return None
    agreed = len(set(approval.people or (approval.operator,)))
    if agreed >= needed:
        return None
    return deny(Code.APPROVAL_MISMATCH, "too few different persons agreed", agreed, needed, "persons")


def reasons_to_ask(case: Case) -> tuple[Denial, ...]:
    """Why a person is asked, or nothing. Where the operator did not ask for each, an exit is never made to wait."""
    if case.snapshot.approval is not None:
        return ()
    if case.limits.approval_mode is ApprovalMode.APPROVE_EACH:
        return (deny(Code.APPROVAL_REQUIRED, "the operator approves each request"),)
    return () if case.is_exit else tuple(_reasons(case))


def _reasons(case: Case) -> Iterator[Denial]:
    limits, agent = case.limits, case.snapshot.agent
    if case.sizing is not None and limits.approval_notional_min is not None:
        notional = case.sizing.quantity * case.sizing.value_per_unit
        if notional >= limits.approval_notional_min:
            yield deny(
                Code.APPROVAL_REQUIRED,
                "the notional needs a person",
                notional,
                limits.approval_notional_min,
                limits.accounting_asset,
            )
    if limits.approval_first_symbol and agent.first_symbol:
        yield deny(Code.APPROVAL_REQUIRED, "the agent's first time in this instrument or to this address")
    if agent.orders_total < limits.approval_first_orders:
        yield deny(
            Code.APPROVAL_REQUIRED,
            f"the agent's first {limits.approval_first_orders} orders need a person",
            agent.orders_total + 1,
            limits.approval_first_orders,
            "orders",
        )
    overshoot = price_overshoot_pct(case)
    if limits.collar_soft_pct is not None and overshoot is not None and overshoot > limits.collar_soft_pct:
        yield deny(
            Code.APPROVAL_REQUIRED,
            "the limit price is beyond the soft collar",
            overshoot,
            limits.collar_soft_pct,
            "% beyond the market",
        )
