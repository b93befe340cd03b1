"""A request that passes every rule, in round numbers, and short ways to change one thing about it.

Bid and ask are both 100 USDT; the account is worth 10000 USDT: 10 BTC and 9000 USDT. The request buys 1 BTC at 100.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec.structs import replace
from readytrader_sdk.instruments import Asset, Instrument, MarketType, Symbol, VenueId
from readytrader_sdk.orders import OrderType, Side

from appliance.domain.agents import AgentScope
from appliance.domain.codes import Code
from appliance.domain.decision import Decision, Denial, Denied, Permitted
from appliance.domain.intents import AgentId, Chain, Intent, OrderIntent, Request, RequestId, SwapIntent, TransferIntent
from appliance.domain.limits import ApprovalMode, Limits
from appliance.domain.snapshot import AccountFacts, AgentFacts, MarketFacts, Mode, PerformanceFacts, Snapshot
from appliance.domain.trading_state import GLOBAL, ScopeState, TradingState
from appliance.pipeline.decide import decide

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
STEP = timedelta(microseconds=1)
BTC, ETH, SHIB, USDT, USDC = Asset("BTC"), Asset("ETH"), Asset("SHIB"), Asset("USDT"), Asset("USDC")
FRIEND = "0x" + "ab12" + "0" * 32 + "cd34"
STRANGER = "0x" + "9" * 40

D = Decimal


def order(side: Side, quantity: str = "1", limit_price: str | None = "100", **changes: Any) -> OrderIntent:
    """A limit order for BTC/USDT on binance; a market order without a limit price."""
    intent = OrderIntent(
        venue=VenueId("binance"),
        symbol=Symbol("BTC/USDT"),
        side=side,
        quantity=D(quantity),
        order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        limit_price=None if limit_price is None else D(limit_price),
    )
    return replace(intent, **changes)


def buy(quantity: str = "1", limit_price: str | None = "100", **changes: Any) -> OrderIntent:
    return order(Side.BUY, quantity, limit_price, **changes)


def sell(quantity: str = "1", limit_price: str | None = "100", **changes: Any) -> OrderIntent:
    return order(Side.SELL, quantity, limit_price, **changes)


def swap(from_asset: Asset, to_asset: Asset, amount: str) -> SwapIntent:
    return SwapIntent(chain=Chain("ethereum"), from_asset=from_asset, to_asset=to_asset, amount=D(amount))


def transfer(amount: str = "1", to_address: str = FRIEND) -> TransferIntent:
    return TransferIntent(chain=Chain("ethereum"), asset=BTC, amount=D(amount), to_address=to_address)


def request(intent: Intent | None = None, **changes: Any) -> Request:
    asked = Request(request_id=RequestId("rt1"), agent_id=AgentId("alpha"), intent=intent or buy(), received_at=NOW)
    return replace(asked, **changes)


def btc_usdt(**changes: Any) -> Instrument:
    instrument = Instrument(
        symbol=Symbol("BTC/USDT"),
        base=BTC,
        quote=USDT,
        price_increment=D("0.01"),
        quantity_increment=D("0.001"),
        quantity_min=D("0.001"),
        notional_min=D(1),
    )
    return replace(instrument, **changes)


def state_of(state: TradingState) -> tuple[ScopeState, ...]:
    return (ScopeState(scope=GLOBAL, state=state, by="operator", reason="test", since=NOW),)


_MARKET = MarketFacts(
    bid=D(100),
    ask=D(100),
    bid_size=D(1000),
    ask_size=D(1000),
    observed_at=NOW,
    age=timedelta(0),
    sources=("one", "two"),
)
_ACCOUNT = AccountFacts(
    equity=D(10_000),
    unpriced=(),
    holding={BTC: D(10), USDT: D(9000)},
    reserved={},
    incoming={},
    exposure=D(1000),
    open_orders=0,
    open_notional=D(0),
    accounting_price={BTC: D(100), USDT: D(1)},
)
_PERFORMANCE = PerformanceFacts(nav=D(1), nav_day_open=D(1), nav_peak=D(1))
_AGENT = AgentFacts(
    scopes=frozenset({AgentScope.PAPER}),
    symbols=None,
    orders_total=100,
    first_symbol=False,
    turnover=D(0),
    duplicates=0,
    repeated=0,
)


def snapshot(
    *,
    market: dict[str, Any] | None = None,
    account: dict[str, Any] | None = None,
    performance: dict[str, Any] | None = None,
    agent: dict[str, Any] | None = None,
    instrument: dict[str, Any] | None = None,
    **changes: Any,
) -> Snapshot:
    """The facts, with some fields of each part changed; `changes` are of the snapshot itself."""
    facts = Snapshot(
        now=NOW,
        mode=Mode.PAPER,
        live_enabled=False,
        states=(),
        agent=replace(_AGENT, **agent or {}),
        instrument=btc_usdt(**instrument or {}),
        market=replace(_MARKET, **market or {}),
        account=replace(_ACCOUNT, **account or {}),
        performance=replace(_PERFORMANCE, **performance or {}),
        sentiment=D(0),
        sentiment_at=NOW,
    )
    return replace(facts, **changes)


_LIMITS = Limits(
    accounting_asset=USDT,
    cash_assets=frozenset({USDT}),
    position_max_pct=D(100),
    exposure_max_pct=D(100),
    daily_loss_max_pct=D(5),
    drawdown_max_pct=D(10),
    nav_jump_max_pct=D(20),
    notional_order_max=D(8000),
    notional_cex_order_max=D(8000),
    quantity_order_max={BTC: D(80)},
    collar_hard_pct=D(5),
    collar_soft_pct=None,
    slippage_max_pct=D(5),
    spread_max_pct=D(2),
    depth_max_pct=D(50),
    fee_max_pct=D(1),
    open_orders_max=10,
    open_notional_max_pct=D(100),
    turnover_max_pct=D(100),
    turnover_window=timedelta(days=1),
    duplicate_window=10 * SECOND,
    repeated_orders_max=5,
    repeated_window=60 * SECOND,
    rejects_max=5,
    rejects_window=60 * SECOND,
    drift_max_pct=D(1),
    foreign_orders_max=0,
    quote_age_max=5 * SECOND,
    quote_sources_min=2,
    clock_skew_max=SECOND,
    data_loss_max=60 * SECOND,
    sentiment_min=D("-0.5"),
    sentiment_age_max=3600 * SECOND,
    allow_exchanges=frozenset({VenueId("binance")}),
    allow_symbols=frozenset({Symbol("BTC/USDT")}),
    allow_market_types=frozenset({MarketType.SPOT}),
    allow_tokens=frozenset({BTC, USDT}),
    allow_chains=frozenset({Chain("ethereum")}),
    allow_to_addresses=frozenset({FRIEND}),
    transfer_native_max=D(2),
    approval_mode=ApprovalMode.AUTO,
    approval_notional_min=None,
    approval_first_symbol=False,
    approval_first_orders=0,
    proposal_ttl=timedelta(hours=1),
    permit_ttl=30 * SECOND,
)


def limits(**changes: Any) -> Limits:
    return replace(_LIMITS, **changes)


class Situation(NamedTuple):
    """Everything that one decision depends on."""

    request: Request
    snapshot: Snapshot
    limits: Limits

    def decide(self) -> Decision:
        return decide(*self)

    def asking(self, intent: Intent) -> Situation:
        """The same facts and limits for another intent."""
        return self._replace(request=replace(self.request, intent=intent))


def situation(
    intent: Intent | None = None,
    *,
    limits_: dict[str, Any] | None = None,
    replaces: Request | None = None,
    **facts: Any,
) -> Situation:
    """The passing case with some facts or limits changed."""
    return Situation(replaces or request(intent), snapshot(**facts), limits(**limits_ or {}))


def denials(decision: Decision) -> tuple[Denial, ...]:
    """Every refusal of a denied request; fails when it was not denied."""
    assert isinstance(decision, Denied), decision
    return decision.denials


def codes(decision: Decision) -> set[Code]:
    return {denial.code for denial in denials(decision)}


def permitted(decision: Decision) -> Permitted:
    assert isinstance(decision, Permitted), decision
    return decision


def only(items: Iterable[Denial]) -> Denial:
    (item,) = items
    return item
