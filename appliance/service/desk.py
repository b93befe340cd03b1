"""The life of a request: authenticate, rate limit, observe, decide, record, execute, report.

submit ─► throttle ─► same key before? ─► snapshot ─► decide ─► record (durable) ─► send ─► record the report
                                          └────────── one step, no await ─────────┘
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderState, Side

from appliance.domain.codes import Code
from appliance.domain.decision import Decision, Denied, Proposal
from appliance.domain.events import OrderPermitted, ProposalMade, RequestDenied
from appliance.domain.intents import Intent, OrderIntent, Request, RequestId, digest
from appliance.domain.orders import Order
from appliance.domain.sameness import idempotency_id
from appliance.domain.snapshot import ApprovalFacts, Snapshot
from appliance.domain.state import KeyBinding, State
from appliance.domain.trading_state import Scope, TradingState
from appliance.pipeline.decide import decide
from appliance.pipeline.usage import Usage, usage_of
from appliance.service.agents import Agents, Principal
from appliance.service.execution import Execution
from appliance.service.history import History
from appliance.service.limit_book import LimitBook
from appliance.service.narrowing import narrowing
from appliance.service.observe import Observer
from appliance.service.outcomes import Held, Outcome, Placed, Refused, WouldPass, refuse
from appliance.service.rate_limits import Budget, RateLimiter, Throttled
from appliance.service.recorder import Clock, Recorder
from appliance.store.journal import JournalUnavailable
from appliance.telemetry.catalog import Stage
from appliance.telemetry.logs import about
from appliance.telemetry.stages import SILENT, Stages

NOTE_MAX = 500
"""Characters kept of an agent's own words."""
_WITHOUT_JOURNAL = frozenset({Budget.READ, Budget.CANCEL})
"""What goes on while nothing can be written: looking, and getting out."""


def new_request_id() -> RequestId:
    """96 random bits; short enough for any venue's client order ID field."""
    return RequestId("rt" + secrets.token_hex(12))


class Look(Struct, frozen=True, kw_only=True):
    """A request on the facts of now, and what it would use of each limit."""

    snapshot: Snapshot
    usages: tuple[Usage, ...]


class Desk:
    """Takes requests from agents. The only caller of `decide`."""

    def __init__(
        self,
        state: State,
        recorder: Recorder,
        observer: Observer,
        execution: Execution,
        agents: Agents,
        limiter: RateLimiter,
        history: History,
        limits: LimitBook,
        clock: Clock,
        new_id: Callable[[], RequestId] = new_request_id,
        stages: Stages = SILENT,
    ) -> None:
        self._state = state
        self._recorder = recorder
        self._observer = observer
        self._execution = execution
        self._agents = agents
        self._limiter = limiter
        self._history = history
        self._book = limits
        self._clock = clock
        self._new_id = new_id
        self._stages = stages

    async def submit(
        self, principal: Principal, intent: Intent, *, key: str | None = None, note: str = "", tool: str | None = None
    ) -> Outcome:
        """Put one request through the whole pipeline.

        Returns `Placed` when it was permitted and the venue (or our own knowledge) has given a first word, `Held` when
        a person must decide, `Refused` with every reason otherwise. Once it is permitted, cancelling the caller
        changes nothing: the order goes its way and is recorded.
        """
        budget = Budget.AMEND if isinstance(intent, OrderIntent) and intent.replaces else Budget.ORDER
        turned_away = self._turned_away(principal, budget, tool)
        if turned_away is not None:
            return turned_away
        request = Request(
            request_id=self._new_id(),
            agent_id=principal.agent_id,
            intent=intent,
            received_at=self._clock(),
            idempotency_key=key,
            note=note[:NOTE_MAX],
        )
        self._stages.note(request_id=request.request_id, **_names_of(intent))
        try:
            with about(request.request_id):
                bound = self._bound(request)
                if bound is not None:
                    return await self._replay(request, bound)
                return await self._decide_and_act(request, principal)
        except JournalUnavailable as fault:
            return refuse(Code.JOURNAL_UNAVAILABLE, str(fault))

    async def decide_approved(self, request: Request, principal: Principal, approval: ApprovalFacts) -> Outcome:
        """The second look: the whole pipeline again, on fresh facts, for exactly the request that was approved."""
        names = _names_of(request.intent)
        with (
            about(request.request_id),
            self._stages.request("approved", request_id=request.request_id, agent=request.agent_id, **names),
        ):
            return await self._decide_and_act(request, principal, approval)

    def check(self, principal: Principal, intent: Intent, *, tool: str | None = None) -> WouldPass | Refused:
        """What `submit` would decide now, by the same code, recording and sending nothing."""
        turned_away = self._turned_away(principal, Budget.READ, tool)
        if turned_away is not None:
            return turned_away
        request = Request(
            request_id=self._new_id(), agent_id=principal.agent_id, intent=intent, received_at=self._clock()
        )
        refused = self._not_replaceable(request)
        if refused is not None:
            return refused
        decision = decide(request, self._observer.snapshot(request, principal, self._clock()), self._book.limits)
        if isinstance(decision, Denied):
            return Refused(denials=decision.denials, amount_max=decision.amount_max)
        if isinstance(decision, Proposal):
            return Refused(denials=decision.reasons)
        return WouldPass(permitted=decision)

    def look(self, request: Request, principal: Principal) -> Look:
        """What a request that waits would do on the facts of now; decides, records and sends nothing."""
        snapshot = self._observer.snapshot(request, principal, self._clock())
        return Look(snapshot=snapshot, usages=usage_of(request, snapshot, self._book.limits))

    def gauges(self) -> tuple[Usage, ...]:
        """How much of every limit on the whole portfolio is used now."""
        return self._observer.gauges(self._clock())

    def throttle(self, principal: Principal, budget: Budget, tool: str | None = None) -> Refused | None:
        """Draw one call of a budget, for what does not become a request."""
        return self._turned_away(principal, budget, tool)

    async def settle(self) -> None:
        """Wait for everything that is being carried out."""
        await self._execution.settle()

    def _turned_away(self, principal: Principal, budget: Budget, tool: str | None) -> Refused | None:
        if not self._agents.still_good(principal):
            return refuse(Code.UNAUTHENTICATED, "the token has expired or was revoked")
        if self._recorder.failure is not None and budget not in _WITHOUT_JOURNAL:
            return refuse(Code.JOURNAL_UNAVAILABLE, f"the journal cannot be written: {self._recorder.failure}")
        with self._stages.timed(Stage.RATE_LIMIT):
            throttled = self._limiter.take(principal.agent_id, budget, tool)
        return None if throttled is None else _throttled(throttled)

    def _bound(self, request: Request) -> KeyBinding | None:
        if request.idempotency_key is None:
            return None
        return self._history.key(idempotency_id(request.agent_id, request.idempotency_key))

    async def _replay(self, request: Request, bound: KeyBinding) -> Outcome:
        """The answer to the first call with this key; another payload under the same key is refused."""
        if bound.intent_digest != digest(request.intent):
            refused = refuse(
                Code.IDEMPOTENCY_CONFLICT,
                f"the key was used for another request ({bound.request_id})",
                observed=digest(request.intent)[:16],
                limit=bound.intent_digest[:16],
            )
            return await self._refuse_at_the_door(request, refused)
        await self._execution.carried_out(ClientOrderId(bound.request_id))
        return self.outcome(bound.request_id, replayed=True)

    def outcome(self, request_id: RequestId, *, replayed: bool = False) -> Outcome:
        """How far a request has got."""
        order = self._history.order(ClientOrderId(request_id))
        if order is not None:
            return self._placed(order, replayed=replayed)
        record = self._history.proposal(request_id)
        if record is not None:
            return Held(record=record, replayed=replayed)
        return refuse(Code.NOT_FOUND, f"no request {request_id}")

    async def _decide_and_act(
        self, request: Request, principal: Principal, approval: ApprovalFacts | None = None
    ) -> Outcome:
        refused = self._not_replaceable(request)
        if refused is not None:
            return await self._refuse_at_the_door(request, refused)
        with self._stages.timed(Stage.OBSERVE):
            snapshot = self._observer.snapshot(request, principal, self._clock(), approval)
        with self._stages.timed(Stage.DECIDE):
            decision = decide(request, snapshot, self._book.limits)
        self._stages.note(**_outcome_of(decision))
        if isinstance(decision, Denied):
            durable = self._recorder.record(RequestDenied(request=request, snapshot=snapshot, denied=decision))
            self._disable_if_looping(request, decision)
            with self._stages.timed(Stage.RECORD):
                await durable
            return Refused(denials=decision.denials, amount_max=decision.amount_max)
        if isinstance(decision, Proposal):
            with self._stages.timed(Stage.RECORD):
                await self._recorder.record(ProposalMade(request=request, snapshot=snapshot, proposal=decision))
            return Held(record=self._state.proposals[request.request_id])
        durable = self._recorder.record(OrderPermitted(request=request, snapshot=snapshot, permitted=decision))
        client_order_id = decision.payload.client_order_id
        self._execution.carry_out(decision, durable)
        await self._execution.carried_out(client_order_id)
        return self._placed(self._state.orders[client_order_id])

    def _placed(self, order: Order, *, replayed: bool = False) -> Placed | Refused:
        """The answer about an order: once the journal has failed, nothing that a restart would not know."""
        if self._recorder.failure is None:
            return Placed(order=order, replayed=replayed)
        written = self._history.written_order(order.client_order_id)
        if written is None:
            return refuse(Code.JOURNAL_UNAVAILABLE, f"the journal cannot be written: {self._recorder.failure}")
        if written.state is OrderState.PERMITTED:
            written = msgspec.structs.replace(written, state=OrderState.UNKNOWN, reason="journal_unavailable")
        return Placed(order=written, replayed=replayed)

    async def _refuse_at_the_door(self, request: Request, refused: Refused) -> Refused:
        denied = Denied(request_id=request.request_id, denials=refused.denials, amount_max=None)
        await self._recorder.record(RequestDenied(request=request, snapshot=None, denied=denied))
        return refused

    def _not_replaceable(self, request: Request) -> Refused | None:
        """An order is replaced by its own agent, at its own venue, in its own instrument and side, while it is open."""
        intent = request.intent
        if not isinstance(intent, OrderIntent) or intent.replaces is None:
            return None
        order = self._history.order(intent.replaces)
        payload = None if order is None or order.agent_id != request.agent_id else order.payload
        if order is None or not isinstance(payload, OrderRequest) or _market(payload) != _market(intent):
            return refuse(Code.NOT_FOUND, f"no order {intent.replaces[:64]!r} of yours in {intent.symbol[:64]!r}")
        if not order.is_live:
            return refuse(Code.NOT_CANCELLABLE, f"order {intent.replaces} is {order.state}", observed=order.state)
        return None

    def _disable_if_looping(self, request: Request, denied: Denied) -> None:
        """R17: an agent that repeats itself is stopped until a person looks at it."""
        if not any(denial.code is Code.REPEATED_ORDERS for denial in denied.denials):
            return
        scope, reason = Scope(f"agent:{request.agent_id}"), "the same order over and over (R17)"
        disabled = narrowing(self._state, scope, TradingState.REDUCE_ONLY, reason, self._clock())
        if disabled:
            self._recorder.record(*disabled)


def _names_of(intent: Intent) -> dict[str, str]:
    """What a trace is told of a request: names, and no amount."""
    if isinstance(intent, OrderIntent):
        return {"venue": intent.venue, "symbol": intent.symbol, "side": intent.side}
    return {"venue": intent.chain}


def _outcome_of(decision: Decision) -> dict[str, str]:
    """What a trace is told of a decision."""
    if isinstance(decision, Denied):
        return {"outcome": "denied", "codes": ",".join(denial.code for denial in decision.denials)}
    if isinstance(decision, Proposal):
        return {"outcome": "proposed", "codes": ",".join(denial.code for denial in decision.reasons)}
    return {"outcome": "permitted"}


def _market(traded: OrderIntent | OrderRequest) -> tuple[VenueId, Symbol, Side]:
    return traded.venue, traded.symbol, traded.side


def _throttled(throttled: Throttled) -> Refused:
    return refuse(
        Code.RATE_LIMITED,
        f"more than {throttled.limit} {throttled.budget} calls in this minute",
        observed=str(throttled.limit + 1),
        limit=str(throttled.limit),
        retry_after_s=throttled.retry_after_s,
    )
