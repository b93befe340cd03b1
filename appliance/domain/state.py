"""What is true now: a fold of the journal's events, held in memory and mirrored record by record on disk.

`State.apply` is the only thing that changes it. It returns the records that the event touched; they are written in the
same transaction as the event's entry, so that a restart loads records instead of replaying the whole journal.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec
from msgspec import Struct
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import ClientOrderId, OrderState

from appliance.domain.agents import Agent
from appliance.domain.events import (
    AgentAdded,
    AgentRevoked,
    ApprovalGiven,
    CoreStarted,
    CoreStopped,
    Event,
    FundsMoved,
    NavMarked,
    OrderPermitted,
    OrderReported,
    ProposalDecided,
    ProposalMade,
    ProposalState,
    TradingStateSet,
)
from appliance.domain.fills import KnownFills
from appliance.domain.intents import (
    AgentId,
    Request,
    RequestId,
    digest,
)
from appliance.domain.kept import KEPT_TYPES, Kept
from appliance.domain.limit_changes import LimitChange, LimitsInForce
from appliance.domain.limit_fold import IN_FORCE_ID, LimitsFold
from appliance.domain.lives import CoreLife, life_after
from appliance.domain.notices import (
    NoticeDelivered,
    NoticeGivenUp,
    NoticeMade,
    NoticeRecord,
    NoticeResent,
    NoticeSeen,
    OpenNotices,
)
from appliance.domain.orders import Order, account_of, apply_report, balance_changes, portfolio_of
from appliance.domain.proposals import ProposalRecord, Yes
from appliance.domain.sameness import first_time_key, idempotency_id, shape_of
from appliance.domain.series import Trade, trade_id, trade_of
from appliance.domain.trading_state import Scope, ScopeState
from appliance.domain.turnover import RecentOrders

DECIDED_KEPT = 1_000
"""How many decided proposals stay in memory."""
ENDED_KEPT = 10_000
"""How many ended orders and used keys stay in memory; older ones are read from the store."""


DUST_UNITS = Decimal("1e-18")
"""Fewer units than this are none: what a division left over when everything was taken out."""


class KeyBinding(Struct, frozen=True, kw_only=True):
    """An idempotency key and the one request that it stands for."""

    intent_digest: str
    request_id: RequestId
    bound_at: datetime


class Holding(Struct, frozen=True, kw_only=True):
    """What an account holds of one asset."""

    account: str
    asset: Asset
    total: Decimal


class AgentHistory(Struct, frozen=True, kw_only=True):
    """What an agent has ever traded; first times need a person where the operator says so."""

    agent_id: AgentId
    orders_total: int = 0
    traded: frozenset[str] = frozenset()


class Portfolio(Struct, frozen=True, kw_only=True):
    """An account's units and the reference points of its net asset value."""

    account: str
    units: Decimal = ZERO
    day: date | None = None
    nav_day_open: Decimal | None = None
    nav_peak: Decimal | None = None


class Touched(NamedTuple):
    """One record as it is after an event. `live` says whether a restart must load it."""

    kind: str
    id: str
    live: bool
    at: datetime
    value: Struct


RECORD_TYPES: dict[str, type[Struct]] = {
    "order": Order,
    "holding": Holding,
    "agent": Agent,
    "history": AgentHistory,
    "proposal": ProposalRecord,
    "key": KeyBinding,
    "scope": ScopeState,
    "portfolio": Portfolio,
    "notice": NoticeRecord,
    "life": CoreLife,
    "limit_change": LimitChange,
    "limits": LimitsInForce,
    "trade": Trade,
    **KEPT_TYPES,
}


class State:
    """Orders, holdings, agents, proposals and states, with the indexes that a snapshot needs."""

    def __init__(self, instruments: dict[Symbol, Instrument], turnover_window: timedelta) -> None:
        self.instruments = instruments
        self.orders: dict[ClientOrderId, Order] = {}
        self.live_orders: dict[ClientOrderId, Order] = {}
        self.fills = KnownFills()
        self._ended: deque[ClientOrderId] = deque()
        self._decided_proposals: deque[RequestId] = deque()
        self.holdings: dict[tuple[str, Asset], Decimal] = {}
        self.agents: dict[AgentId, Agent] = {}
        self.histories: dict[AgentId, AgentHistory] = {}
        self.proposals: dict[RequestId, ProposalRecord] = {}
        self.keys: dict[str, KeyBinding] = {}
        self.scopes: dict[Scope, ScopeState] = {}
        self.portfolios: dict[str, Portfolio] = {}
        self.notices = OpenNotices()
        self.life: CoreLife | None = None
        self.limits = LimitsFold()
        self.recent = RecentOrders(turnover_window)
        self.kept = Kept()

    # reading

    def holding(self, account: str, asset: Asset) -> Decimal:
        """Total held, in the asset's own units."""
        return self.holdings.get((account, asset), ZERO)

    def held(self, account: str) -> Iterator[tuple[Asset, Decimal]]:
        """Every asset of an account that is not zero."""
        return ((asset, total) for (owner, asset), total in self.holdings.items() if owner == account and total)

    def held_in(self, portfolio: str) -> Iterator[tuple[str, Asset, Decimal]]:
        """Account, asset and total of everything in a portfolio that is not zero."""
        return (
            (account, asset, total)
            for (account, asset), total in self.holdings.items()
            if total and portfolio_of(account) == portfolio
        )

    def knows_account(self, account: str) -> bool:
        """Whether anything was ever held there."""
        return any(owner == account for owner, _ in self.holdings)

    def portfolio(self, name: str) -> Portfolio:
        return self.portfolios.get(name, Portfolio(account=name))

    def history(self, agent_id: AgentId) -> AgentHistory:
        return self.histories.get(agent_id, AgentHistory(agent_id=agent_id))

    # changing

    def apply(self, at: datetime, event: Event) -> list[Touched]:
        """Take one event in. Raises `ImpossibleReport` and changes nothing when a report contradicts its order."""
        match event:
            case OrderPermitted():
                return self._permitted(at, event)
            case OrderReported():
                return self._reported(at, event)
            case ProposalMade():
                return self._proposed(at, event)
            case ProposalDecided() | ApprovalGiven():
                return [self._decided(at, event)]
            case FundsMoved():
                return self._funds(at, event)
            case NavMarked():
                return [self._marked(at, event)]
            case TradingStateSet(scope_state=scope_state):
                return [self._set("scope", scope_state.scope, at, scope_state)]
            case AgentAdded(agent=agent):
                return [self._set("agent", agent.agent_id, at, agent)]
            case AgentRevoked(agent_id=agent_id):
                revoked = msgspec.structs.replace(self.agents[agent_id], revoked_at=at)
                return [self._set("agent", agent_id, at, revoked)]
            case NoticeMade() | NoticeDelivered() | NoticeGivenUp() | NoticeResent() | NoticeSeen():
                after = self.notices.after(at, event)
                return [self._set("notice", notice.notice_id, at, notice, live=live) for notice, live in after]
            case CoreStarted() | CoreStopped():
                life = life_after(self.life, at, event)
                lived = [] if life is None else [self._set("life", "core", at, life)]
                return [*lived, *self._of_limits(at, event)]
            case _:
                return self._of_the_rest(at, event)

    def _set(self, kind: str, record_id: str, at: datetime, value: Struct, *, live: bool = True) -> Touched:
        return self.put(Touched(kind, record_id, live, at, value))

    def put(self, touched: Touched) -> Touched:
        """Set one record: as part of an event, or when a restart loads what was written before."""
        match touched.value:
            case Order() as order:
                self._put_order(order)
            case Holding() as holding:
                self.holdings[holding.account, holding.asset] = holding.total
            case Agent() as agent:
                self.agents[agent.agent_id] = agent
            case AgentHistory() as history:
                self.histories[history.agent_id] = history
            case ProposalRecord() as record:
                self._put_proposal(record)
            case KeyBinding() as binding:
                self._put_key(touched.id, binding)
            case ScopeState() as scope_state:
                self.scopes[scope_state.scope] = scope_state
            case Portfolio() as portfolio:
                self.portfolios[portfolio.account] = portfolio
            case NoticeRecord() as notice:
                self.notices.put(notice, live=touched.live)
            case CoreLife() as life:
                self.life = life
            case LimitChange() | LimitsInForce() as of_limits:
                self.limits.put(of_limits)
            case _:
                self.kept.put(touched.value)
        return touched

    def _put_key(self, key_id: str, binding: KeyBinding) -> None:
        self.keys[key_id] = binding
        if len(self.keys) > ENDED_KEPT:
            del self.keys[next(iter(self.keys))]

    def _put_proposal(self, record: ProposalRecord) -> None:
        request_id = record.request.request_id
        self.proposals[request_id] = record
        if record.state is not ProposalState.PENDING:
            self._decided_proposals.append(request_id)
            if len(self._decided_proposals) > DECIDED_KEPT:
                self.proposals.pop(self._decided_proposals.popleft(), None)

    def _put_order(self, order: Order) -> None:
        before = self.orders.get(order.client_order_id)
        self.orders[order.client_order_id] = order
        if order.fill_ids:
            self.fills.add(order.client_order_id, order.fill_ids)
        if order.is_live:
            self.live_orders[order.client_order_id] = order
        else:
            self.live_orders.pop(order.client_order_id, None)
            if before is None or before.is_live:
                self._ended.append(order.client_order_id)
            if len(self._ended) > ENDED_KEPT and (oldest := self._ended.popleft()) not in self.live_orders:
                self.orders.pop(oldest, None)
                self.fills.forget(oldest)
        self.recent.note(order)

    def _permitted(self, at: datetime, event: OrderPermitted) -> list[Touched]:
        request, permitted = event.request, event.permitted
        client_order_id = permitted.payload.client_order_id
        order = Order(
            client_order_id=client_order_id,
            agent_id=request.agent_id,
            mode=event.snapshot.mode,
            payload=permitted.payload,
            terms=permitted.terms,
            state=OrderState.PERMITTED,
            created_at=at,
            updated_at=at,
            shape=shape_of(request.intent),
            replaces=permitted.permit.replaces,
            approved_by=event.snapshot.approval.operator if event.snapshot.approval else None,
        )
        history = self.history(request.agent_id)
        name = first_time_key(request.intent, event.snapshot.instrument)
        after = msgspec.structs.replace(history, orders_total=history.orders_total + 1, traded=history.traded | {name})
        touched = [
            self._set("order", client_order_id, at, order),
            self._set("history", request.agent_id, at, after),
        ]
        return touched + self._bind(at, request)

    def _bind(self, at: datetime, request: Request) -> list[Touched]:
        """Bind the idempotency key in the same transaction as what it stands for, before anything is executed."""
        if request.idempotency_key is None:
            return []
        binding = KeyBinding(intent_digest=digest(request.intent), request_id=request.request_id, bound_at=at)
        key = idempotency_id(request.agent_id, request.idempotency_key)
        return [self._set("key", key, at, binding, live=False)]

    def _proposed(self, at: datetime, event: ProposalMade) -> list[Touched]:
        record = ProposalRecord(request=event.request, proposal=event.proposal, state=ProposalState.PENDING, made_at=at)
        touched = self._set("proposal", event.request.request_id, at, record)
        return [touched, *self._bind(at, event.request)]

    def _decided(self, at: datetime, event: ProposalDecided | ApprovalGiven) -> Touched:
        if isinstance(event, ApprovalGiven):
            before = self.proposals[event.request_id]
            given = (*before.given, Yes(by=event.by, factor=event.factor, at=at))
            return self._set("proposal", event.request_id, at, msgspec.structs.replace(before, given=given))
        record = msgspec.structs.replace(
            self.proposals[event.request_id],
            state=event.state,
            decided_by=event.by,
            decided_at=at,
            reason=event.reason,
        )
        return self._set("proposal", event.request_id, at, record, live=False)

    def _of_the_rest(self, at: datetime, event: Event) -> list[Touched]:
        kept = self.kept.record_of(event)
        if kept is not None:
            return [self._set(kept.kind, kept.id, at, kept.value, live=kept.live)]
        return self._of_limits(at, event)

    def _of_limits(self, at: datetime, event: Event) -> list[Touched]:
        """What an event says of limits, most often nothing."""
        touched = []
        for value in list(self.limits.after(at, event)):
            if isinstance(value, LimitChange):
                touched.append(self._set("limit_change", value.change_id, at, value, live=value.is_live))
            else:
                touched.append(self._set("limits", IN_FORCE_ID, at, value))
        return touched

    def _reported(self, at: datetime, event: OrderReported) -> list[Touched]:
        before = self.orders[event.report.client_order_id]
        order, fills = apply_report(before, event.report, self.fills.of(before.client_order_id))
        if order is before:
            return []
        touched = [self._set("order", order.client_order_id, at, order, live=order.is_live)]
        self.fills.add(order.client_order_id, (fill.fill_id for fill in fills))
        changes: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
        for fill in fills:
            for asset, change in balance_changes(order, fill).items():
                changes[asset] += change
            trade = trade_of(order, fill)
            touched.append(self._set("trade", trade_id(order.client_order_id, fill.fill_id), at, trade, live=False))
        account = account_of(order)
        return touched + [self._move(at, account, asset, change) for asset, change in changes.items()]

    def _move(self, at: datetime, account: str, asset: Asset, change: Decimal) -> Touched:
        holding = Holding(account=account, asset=asset, total=self.holding(account, asset) + change)
        return self._set("holding", f"{account}/{asset}", at, holding)

    def _funds(self, at: datetime, event: FundsMoved) -> list[Touched]:
        before = self.portfolio(portfolio_of(event.account))
        units = before.units + event.value / event.nav
        if units < DUST_UNITS:
            after = Portfolio(account=before.account)
        elif before.nav_peak is None:
            after = Portfolio(
                account=before.account, units=units, day=at.date(), nav_day_open=event.nav, nav_peak=event.nav
            )
        else:
            after = msgspec.structs.replace(before, units=units)
        return [
            self._move(at, event.account, event.asset, event.amount),
            self._set("portfolio", after.account, at, after),
        ]

    def _marked(self, at: datetime, event: NavMarked) -> Touched:
        after = msgspec.structs.replace(
            self.portfolio(event.account), day=event.day, nav_day_open=event.nav_day_open, nav_peak=event.nav_peak
        )
        return self._set("portfolio", event.account, at, after)
