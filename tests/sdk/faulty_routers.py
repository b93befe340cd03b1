"""Routers with one fault each, and the checks that it must fail: those and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.money import round_down
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState
from readytrader_sdk.ports import (
    Approval,
    Call,
    Finding,
    Flow,
    OrderSubmission,
    Plan,
    RouteQuote,
    SwapRequest,
)
from readytrader_sdk.template.router.src.acme_plugin import CONTRACT, ROUTE
from readytrader_sdk.template.router.src.acme_plugin.calldata import SELECTOR, decode, encode

from tests.sdk.good import AcmeRouter, IntentRouter, report

replace = msgspec.structs.replace


class Router(AcmeRouter):
    """With a fault in its offers, in its plans, or in how it reads them."""

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self.last: RouteQuote | None = None

    def offered(self, request: SwapRequest, offer: RouteQuote) -> RouteQuote:
        return offer

    def planned(self, plan: Plan) -> Plan:
        return plan

    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        return plan

    async def quote(self, request: SwapRequest) -> RouteQuote:
        return self.offered(request, await super().quote(request))

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        return self.planned(await super().prepare(request, quote))

    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        return await super().verify(request, self.read(request, plan))


class OffersLessThanItsMinimum(Router):
    def offered(self, request: SwapRequest, offer: RouteQuote) -> RouteQuote:
        return replace(offer, amount_out=offer.amount_out_min * Decimal("0.9"))

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        return await super().prepare(request, replace(quote, amount_out=quote.amount_out_min))


class IgnoresTheMinimum(Router):
    def offered(self, request: SwapRequest, offer: RouteQuote) -> RouteQuote:
        return replace(offer, amount_out_min=request.amount_out_min / 2)


class LivesElsewhere(Router):
    def offered(self, request: SwapRequest, offer: RouteQuote) -> RouteQuote:
        return replace(offer, expires_at=offer.expires_at.astimezone(timezone(timedelta(hours=2))))


class NamesNoSpender(Router):
    def offered(self, request: SwapRequest, offer: RouteQuote) -> RouteQuote:
        return replace(offer, spender=None)


class RemembersItsOffer(Router):
    def offered(self, request: SwapRequest, offer: RouteQuote) -> RouteQuote:
        self.last = offer
        return offer

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        if quote is not self.last:
            raise Unavailable("no such offer")
        return await super().prepare(request, quote)


class ApprovesTwice(Router):
    def planned(self, plan: Plan) -> Plan:
        approval, call = plan.steps
        assert isinstance(approval, Approval)
        return Plan(steps=(replace(approval, amount=approval.amount * 2), call))


class ApprovesTooLate(Router):
    def planned(self, plan: Plan) -> Plan:
        return Plan(steps=plan.steps[::-1])

    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        return Plan(steps=plan.steps[::-1])


class SendsCoins(Router):
    def planned(self, plan: Plan) -> Plan:
        approval, call = plan.steps
        return Plan(steps=(approval, replace(call, value=1)))


class FindsNothing(Router):
    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        await super().verify(request, plan)
        return ()


class TakesEndedOffers(Router):
    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        return await super().prepare(request, replace(quote, expires_at=datetime.now(UTC) + timedelta(minutes=1)))


class PlansWhatItCannotKeep(Router):
    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        lower = min(request.amount_out_min, quote.amount_out_min)
        return await super().prepare(replace(request, amount_out_min=lower), quote)


class KnowsEveryChain(Router):
    async def quote(self, request: SwapRequest) -> RouteQuote:
        return await super().quote(replace(request, chain_id=1))


class Rounds(Router):
    async def quote(self, request: SwapRequest) -> RouteQuote:
        step = Decimal(1).scaleb(-request.from_decimals)
        return await super().quote(replace(request, amount=round_down(request.amount, step)))


class BelievesTheRequest(Router):
    """Reads no bytes at all."""

    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        return (
            Finding(flow=Flow.OUT, token=request.from_token, amount=request.amount, counterparty=CONTRACT),
            Finding(flow=Flow.IN, token=request.to_token, amount=request.amount_out_min, counterparty=request.owner),
        )


class BelievesTheReceiver(Router):
    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        out, into = await super().verify(request, plan)
        return out, replace(into, counterparty=request.owner)


class BelievesTheMinimum(Router):
    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        out, into = await super().verify(request, plan)
        return out, replace(into, amount=request.amount_out_min)


class BelievesTheInput(Router):
    """Takes the approval for the input."""

    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        *approvals, call = plan.steps
        if not isinstance(call, Call) or len(call.data) != 196 or not call.data.startswith(SELECTOR):
            return plan
        swap = replace(decode(call.data), amount=int(request.amount.scaleb(request.from_decimals)))
        return Plan(steps=(*approvals, replace(call, data=encode(swap))))


class CallsAnything(Router):
    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        *approvals, call = plan.steps
        is_swap = isinstance(call, Call) and call.data.startswith(SELECTOR)
        return Plan(steps=(*approvals, replace(call, to=CONTRACT))) if is_swap else plan


class IgnoresCoins(Router):
    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        return Plan(steps=tuple(replace(step, value=0) if isinstance(step, Call) else step for step in plan.steps))


class IgnoresTheSelector(Router):
    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        *approvals, call = plan.steps
        return Plan(steps=(*approvals, replace(call, data=SELECTOR + call.data[4:])))


class ReadsTheFirstCallAlone(Router):
    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        return Plan(steps=plan.steps[:2])


class IgnoresApprovals(Router):
    def read(self, request: SwapRequest, plan: Plan) -> Plan:
        approval = Approval(token=request.from_token, spender=CONTRACT, amount=request.amount)
        return Plan(steps=tuple(approval if isinstance(step, Approval) else step for step in plan.steps))


class BelievesItsOwnText(Router):
    """Whoever alters the offer's text can have another minimum."""

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        plan = await super().prepare(request, replace(quote, opaque=ROUTE))
        if quote.opaque == ROUTE:
            return plan
        approval, call = plan.steps
        assert isinstance(call, Call)
        return Plan(steps=(approval, replace(call, data=encode(replace(decode(call.data), minimum=1)))))


class ForAnotherChain(IntentRouter):
    def message(self, request: SwapRequest, minimum: Decimal) -> dict[str, object]:
        return {**super().message(request, minimum), "domain": {"name": "Acme", "chainId": 5}}


class LosesOrders(IntentRouter):
    async def find_submission(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return report(client_order_id, self.submitted[client_order_id])


class ForgetsOrders(IntentRouter):
    async def find_submission(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return None


class TakesAnySignature(IntentRouter):
    async def submit_order(self, submission: OrderSubmission) -> ExecutionReport:
        self.submitted[submission.client_order_id] = OrderState.OPEN
        return report(submission.client_order_id, OrderState.OPEN)


class CallsNothingBack(IntentRouter):
    async def cancel_submission(self, client_order_id: ClientOrderId, signature: bytes | None) -> ExecutionReport:
        return report(client_order_id, self.submitted.get(client_order_id, OrderState.ABSENT))


ROUTERS: dict[type[AcmeRouter], set[str]] = {
    OffersLessThanItsMinimum: {"offers_are_consistent"},
    IgnoresTheMinimum: {"offers_keep_the_minimum"},
    LivesElsewhere: {"offers_end_in_the_future"},
    NamesNoSpender: {"offers_name_the_spender", "approvals_are_exact"},
    RemembersItsOffer: {"offers_survive_storage"},
    ApprovesTwice: {"approvals_are_exact", "plans_are_found_to_keep_the_request"},
    ApprovesTooLate: {"plans_end_with_the_swap"},
    SendsCoins: {"calls_carry_no_more_than_the_input", "plans_are_found_to_keep_the_request"},
    FindsNothing: {"plans_are_found_to_keep_the_request"},
    TakesEndedOffers: {"ended_offers_are_refused"},
    PlansWhatItCannotKeep: {"minimums_out_of_reach_are_refused"},
    KnowsEveryChain: {"unknown_chains_are_refused"},
    Rounds: {"too_fine_amounts_are_refused"},
    BelievesTheRequest: {
        "an_altered_receiver_is_seen",
        "an_altered_input_is_seen",
        "an_altered_minimum_is_seen",
        "another_contract_is_refused",
        "added_coins_are_seen",
        "unreadable_bytes_are_refused",
        "an_added_call_is_seen",
        "an_altered_approval_is_seen",
    },
    BelievesTheReceiver: {"an_altered_receiver_is_seen"},
    BelievesTheMinimum: {"an_altered_minimum_is_seen"},
    BelievesTheInput: {"an_altered_input_is_seen"},
    CallsAnything: {"another_contract_is_refused"},
    IgnoresCoins: {"added_coins_are_seen"},
    IgnoresTheSelector: {"unreadable_bytes_are_refused"},
    ReadsTheFirstCallAlone: {"an_added_call_is_seen"},
    IgnoresApprovals: {"an_altered_approval_is_seen"},
    BelievesItsOwnText: {"an_altered_offer_is_harmless"},
    ForAnotherChain: {"orders_are_for_this_chain_and_end"},
    LosesOrders: {"an_unknown_submission_is_not_found"},
    ForgetsOrders: {"a_submission_is_taken_and_found"},
    TakesAnySignature: {"a_bad_signature_is_rejected"},
    CallsNothingBack: {"a_submission_can_be_called_back"},
}
