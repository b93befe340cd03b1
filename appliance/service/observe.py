"""Gathers every fact of one decision, in one step without an await, so that nothing can change between fact and act."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Sentiment
from readytrader_sdk.money import ONE, ZERO
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderState, Side
from readytrader_sdk.ports import TransferRequest

from appliance.domain.intents import AgentId, Intent, OrderIntent, Request, SwapIntent
from appliance.domain.orders import PAPER_ACCOUNT, Order
from appliance.domain.sameness import first_time_key, shape_of
from appliance.domain.snapshot import (
    AccountFacts,
    AgentFacts,
    ApprovalFacts,
    MarketFacts,
    Mode,
    Snapshot,
    VenueFacts,
)
from appliance.domain.state import State
from appliance.domain.trading_state import GLOBAL, Scope, ScopeState
from appliance.pipeline.usage import Usage, gauges
from appliance.service.agents import LOCAL_AGENT, Principal
from appliance.service.claims import claims_of
from appliance.service.limit_book import LimitBook
from appliance.service.portfolio import Equity, Portfolio
from appliance.service.venues import Venues


class Market(Protocol):
    """What the observer needs of the market-data bus."""

    def facts(self, symbol: Symbol, now: datetime, for_agent: AgentId | None) -> MarketFacts | None:
        """The market as agreed by sources that are admissible for this agent."""

    def sentiment(self) -> Sentiment | None:
        """The newest score of an admissible source."""


class Observer:
    """Builds snapshots for one mode."""

    def __init__(
        self,
        state: State,
        market: Market,
        portfolio: Portfolio,
        venues: Venues,
        limits: LimitBook,
        mode: Mode,
        *,
        live_enabled: bool,
    ) -> None:
        self._state = state
        self._venues = venues
        self._market = market
        self._portfolio = portfolio
        self._book = limits
        self._mode = mode
        self._live_enabled = live_enabled

    def snapshot(
        self, request: Request, principal: Principal, now: datetime, approval: ApprovalFacts | None = None
    ) -> Snapshot:
        """All facts of the request, as of now."""
        intent = request.intent
        instrument = self.instrument(intent)
        market = self._market.facts(instrument.symbol, now, request.agent_id) if instrument else None
        equity = self._portfolio.equity(now)
        sentiment = self._market.sentiment()
        return Snapshot(
            now=now,
            mode=self._mode,
            live_enabled=self._live_enabled,
            states=self._states(intent, instrument, request.agent_id),
            agent=self._agent(request, principal, instrument, now),
            instrument=instrument,
            market=market,
            account=self._account(intent, instrument, market, equity, now),
            performance=self._portfolio.performance(equity.total, now),
            opposite_best=self._opposite_best(intent),
            sentiment=sentiment.score if sentiment else None,
            sentiment_at=sentiment.observed_at if sentiment else None,
            approval=approval,
            venue=self._venue(intent),
        )

    def gauges(self, now: datetime) -> tuple[Usage, ...]:
        """How much of every limit on the whole portfolio is used now, by everything held and in flight."""
        limits, equity = self._book.limits, self._portfolio.equity(now)
        traded = (instrument.base for instrument in self._state.instruments.values())
        assets = tuple(dict.fromkeys(asset for asset in (*traded, *equity.values) if asset not in limits.cash_assets))
        account = self._account_facts(
            {asset: self._portfolio.total(asset) for asset in assets},
            {asset: price for asset in assets if (price := self._portfolio.price(asset, now))},
            equity,
        )
        holders = (agent.agent_id for agent in self._state.agents.values() if agent.revoked_at is None)
        agents = sorted({LOCAL_AGENT, *self._state.histories, *holders})
        turnovers = {agent_id: self._state.recent.turnover(agent_id, now) for agent_id in agents}
        used = [asset for asset in assets if account.holding[asset] or asset in account.incoming]
        return gauges(account, self._portfolio.performance(equity.total, now), used, turnovers, limits)

    def instrument(self, intent: Intent) -> Instrument | None:
        """The instrument that an intent means, with its venue's rules; for a swap, the pair of its assets, either way
        round."""
        known = self._state.instruments
        if isinstance(intent, OrderIntent):
            instrument = known.get(intent.symbol)
            return None if instrument is None else self._venues.rules(intent.venue, instrument)
        if isinstance(intent, SwapIntent):
            direct = known.get(Symbol(f"{intent.from_asset}/{intent.to_asset}"))
            return direct or known.get(Symbol(f"{intent.to_asset}/{intent.from_asset}"))
        return None

    def _venue(self, intent: Intent) -> VenueFacts | None:
        if not isinstance(intent, OrderIntent):
            return None
        unsettled = (
            order.client_order_id
            for order in self._state.live_orders.values()
            if order.state is OrderState.UNKNOWN
            and isinstance(order.payload, OrderRequest)
            and (order.payload.venue, order.payload.symbol) == (intent.venue, intent.symbol)
        )
        return self._venues.facts(intent.venue, intent.symbol, next(unsettled, None))

    def _states(self, intent: Intent, instrument: Instrument | None, agent_id: AgentId) -> tuple[ScopeState, ...]:
        venue = intent.venue if isinstance(intent, OrderIntent) else intent.chain
        names = [GLOBAL, Scope(f"venue:{venue}"), Scope(f"agent:{agent_id}")]
        if instrument is not None:
            names.append(Scope(f"symbol:{instrument.symbol}"))
        return tuple(self._state.scopes[name] for name in names if name in self._state.scopes)

    def _agent(
        self, request: Request, principal: Principal, instrument: Instrument | None, now: datetime
    ) -> AgentFacts:
        limits, recent, agent_id = self._book.limits, self._state.recent, request.agent_id
        shape = shape_of(request.intent)
        history = self._state.history(agent_id)
        keyed = request.idempotency_key is not None
        return AgentFacts(
            scopes=principal.scopes,
            symbols=principal.symbols,
            orders_total=history.orders_total,
            first_symbol=first_time_key(request.intent, instrument) not in history.traded,
            turnover=recent.turnover(agent_id, now),
            duplicates=0 if keyed else recent.same_shape(agent_id, shape, now - limits.duplicate_window),
            repeated=recent.same_shape(agent_id, shape, now - limits.repeated_window),
        )

    def _account(
        self,
        intent: Intent,
        instrument: Instrument | None,
        market: MarketFacts | None,
        equity: Equity,
        now: datetime,
    ) -> AccountFacts:
        account = self._account_for(intent)
        assets = _assets(intent, instrument)
        prices = {asset: price for asset in assets if (price := self._price(asset, instrument, market, now))}
        holding = {asset: self._state.holding(account, asset) for asset in assets}
        replaced = intent.replaces if isinstance(intent, OrderIntent) else None
        return self._account_facts(holding, prices, equity, account, replaced)

    def _account_facts(
        self,
        holding: dict[Asset, Decimal],
        prices: dict[Asset, Decimal],
        equity: Equity,
        account: str | None = None,
        replaced: ClientOrderId | None = None,
    ) -> AccountFacts:
        """The assets that are held, in one account and beside it, or in all of them (None), with all that is in
        flight."""
        reserved: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
        incoming: dict[Asset, Decimal] = defaultdict(lambda: ZERO)
        open_notional, incoming_value, count = ZERO, ZERO, 0
        for claim in claims_of(self._state.live_orders, self._book.limits.cash_assets, replaced):
            count += 1
            open_notional += claim.notional
            if account is None or claim.account == account:
                reserved[claim.pays.asset] += claim.pays.value
            if claim.brings is not None:
                incoming[claim.brings.asset] += claim.brings.value
                incoming_value += claim.notional
        elsewhere = {asset: self._portfolio.total(asset) - held for asset, held in holding.items()}
        return AccountFacts(
            equity=equity.total,
            unpriced=equity.unpriced,
            holding=holding,
            held_elsewhere={asset: total for asset, total in elsewhere.items() if total > 0},
            reserved={asset: reserved[asset] for asset in holding if asset in reserved},
            incoming={asset: incoming[asset] for asset in holding if asset in incoming},
            exposure=self._exposure(equity, incoming_value),
            open_orders=count,
            open_notional=open_notional,
            accounting_price=prices,
        )

    def _account_for(self, intent: Intent) -> str:
        if self._mode is Mode.PAPER:
            return PAPER_ACCOUNT
        return intent.venue if isinstance(intent, OrderIntent) else intent.chain

    def _price(
        self, asset: Asset, instrument: Instrument | None, market: MarketFacts | None, now: datetime
    ) -> Decimal | None:
        """The mid of the very market that is decided on, where it answers; else what the bus agrees on."""
        accounting = self._portfolio.accounting_asset
        if asset == accounting:
            return ONE
        if market is not None and instrument is not None and (instrument.base, instrument.quote) == (asset, accounting):
            return (market.bid + market.ask) / 2
        return self._portfolio.price(asset, now)

    def _exposure(self, equity: Equity, incoming_value: Decimal) -> Decimal | None:
        cash = self._book.limits.cash_assets
        if not cash.issuperset(equity.unpriced):
            return None
        return sum((value for asset, value in equity.values.items() if asset not in cash), incoming_value)

    def _opposite_best(self, intent: Intent) -> Decimal | None:
        """The price of our own resting limit order that this one would meet first."""
        if not isinstance(intent, OrderIntent):
            return None
        prices = [
            order.payload.limit_price
            for order in self._state.live_orders.values()
            if _rests_opposite(order, intent) and isinstance(order.payload, OrderRequest) and order.payload.limit_price
        ]
        if not prices:
            return None
        return min(prices) if intent.side is Side.BUY else max(prices)


def _rests_opposite(order: Order, intent: OrderIntent) -> bool:
    payload = order.payload
    return (
        not isinstance(payload, TransferRequest)
        and payload.symbol == intent.symbol
        and payload.side is not intent.side
        and order.client_order_id != intent.replaces
    )


def _assets(intent: Intent, instrument: Instrument | None) -> tuple[Asset, ...]:
    if isinstance(intent, OrderIntent):
        return (instrument.base, instrument.quote) if instrument else ()
    if isinstance(intent, SwapIntent):
        return (intent.from_asset, intent.to_asset)
    return (intent.asset,)
