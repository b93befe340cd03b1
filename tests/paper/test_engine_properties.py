"""Whatever is asked in whatever order: the money adds up, and no fill is better or larger than the market allows.

Every report is also fed to the core's own order (`domain.orders`), which must be able to follow, and whose view of the
balances must be the ledger's.
"""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from readytrader_sdk.instruments import Asset
from readytrader_sdk.money import ZERO
from readytrader_sdk.orders import (
    TERMINAL_STATES,
    ClientOrderId,
    Fill,
    Liquidity,
    OrderRequest,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)

from appliance.domain.decision import Amount, Terms
from appliance.domain.intents import AgentId
from appliance.domain.orders import Order, apply_report, balance_changes
from appliance.domain.snapshot import Mode
from appliance.paper.engine import Reports
from appliance.paper.ledger import Overdraft
from appliance.paper.settings import PaperSettings
from appliance.paper.working import price_bound
from tests.paper.building import BTC, START, USDT, Desk, book, order, quote

cents = st.integers(min_value=9800, max_value=10200).map(lambda number: Decimal(number).scaleb(-2))
quantities = st.integers(min_value=60, max_value=9000).map(lambda number: Decimal(number).scaleb(-3))
known_sizes = st.integers(min_value=0, max_value=9999).map(lambda number: Decimal(number).scaleb(-3))
sizes = st.one_of(known_sizes, known_sizes, st.none())
spreads = st.integers(min_value=0, max_value=30).map(lambda number: Decimal(number).scaleb(-2))
LIMITS = (OrderType.LIMIT, OrderType.STOP_LIMIT)
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)


class PaperTrading(RuleBasedStateMachine):
    """A desk under random use, with the core's view kept beside it."""

    @initialize(
        latency=st.sampled_from([0, 0, 3]),
        maker=st.sampled_from(["0", "0.1", "0.0333333333333"]),
        taker=st.sampled_from(["0", "0.1", "0.0777777777777"]),
        share=st.sampled_from(["100", "100", "33.3"]),
    )
    def open_desk(self, latency: int, maker: str, taker: str, share: str) -> None:
        charges = PaperSettings(
            maker_fee_pct=Decimal(maker),
            taker_fee_pct=Decimal(taker),
            latency=timedelta(seconds=latency),
            fill_share_max_pct=Decimal(share),
        )
        self.desk = Desk(usdt="5000", btc="50", settings=charges)
        self.share = Decimal(share) / 100
        self.known: dict[ClientOrderId, Order] = {}
        self.fills: dict[ClientOrderId, tuple[Fill, ...]] = {}
        self.core_balances: dict[Asset, Decimal] = {USDT: Decimal(5000), BTC: Decimal(50)}
        self.shown: dict[Side, tuple[tuple[Decimal, Decimal | None], ...]] = {Side.BUY: (), Side.SELL: ()}
        self.taken: dict[Side, Decimal] = {Side.BUY: ZERO, Side.SELL: ZERO}
        self.show_quote(Decimal("99.9"), Decimal("0.1"), Decimal(5), Decimal(5))

    # what happens

    @rule(amount=quantities, asset=st.sampled_from([USDT, BTC]))
    def deposit(self, amount: Decimal, asset: Asset) -> None:
        self.desk.ledger.deposit(asset, amount)
        self.core_balances[asset] += amount

    @rule(amount=quantities, asset=st.sampled_from([USDT, BTC]))
    def withdraw(self, amount: Decimal, asset: Asset) -> None:
        free = self.desk.ledger.free(asset)
        try:
            self.desk.ledger.withdraw(asset, amount)
        except Overdraft:
            assert amount > free
        else:
            assert amount <= free
            self.core_balances[asset] -= amount

    @rule(bid=cents, spread=spreads, bid_size=sizes, ask_size=sizes)
    def show_quote(self, bid: Decimal, spread: Decimal, bid_size: Decimal | None, ask_size: Decimal | None) -> None:
        ask = bid + spread
        bid_text, ask_text = (None if size is None else str(size) for size in (bid_size, ask_size))
        self.show(((bid, bid_size),), ((ask, ask_size),))
        self.follow(self.desk.engine.on_quote(quote(str(bid), str(ask), bid_text, ask_text), self.desk.now))

    @rule(best=cents, spread=spreads, depth=st.lists(known_sizes, max_size=4))
    def show_book(self, best: Decimal, spread: Decimal, depth: list[Decimal]) -> None:
        bids = {str(best - step): str(size) for step, size in enumerate(depth)}
        asks = {str(best + spread + step): str(size) for step, size in enumerate(depth)}
        shown = [tuple((Decimal(price), Decimal(size)) for price, size in side.items()) for side in (bids, asks)]
        self.show(shown[0], shown[1])
        self.follow(self.desk.engine.on_book(book(bids, asks), self.desk.now))

    @rule(seconds=st.integers(min_value=1, max_value=8))
    def wait(self, seconds: int) -> None:
        self.follow(self.desk.waits(timedelta(seconds=seconds)))

    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        request = self.draw_order(data)
        self.follow(self.desk.engine.submit(request, self.desk.now))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        replaced = self.draw_known(data)
        was_open = self.known[replaced].is_live
        request = self.draw_order(data)
        reports = self.desk.engine.replace(replaced, request, self.desk.now)
        self.follow(reports)
        if reports[-1].state is OrderState.REJECTED and was_open:
            assert self.known[replaced].is_live, "a refused replacement ended the order that it was for"

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        client_order_id = self.draw_known(data)
        reports = self.desk.engine.cancel(client_order_id, self.desk.now)
        self.follow(reports)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        client_order_id = self.draw_known(data)
        payload = self.known[client_order_id].payload
        assert isinstance(payload, OrderRequest)
        (report,) = self.desk.engine.submit(payload, self.desk.now)
        assert (report.state, report.reason) == (OrderState.REJECTED, "duplicate_client_order_id")

    # what is always so

    @invariant()
    def the_accounts_sum_to_exactly_zero(self) -> None:
        for asset in self.desk.ledger.assets():
            assert sum(self.desk.ledger.accounts(asset).values()) == 0

    @invariant()
    def nothing_is_negative_and_locks_are_those_of_open_orders(self) -> None:
        ledger, locked = self.desk.ledger, {USDT: ZERO, BTC: ZERO}
        for working in self.desk.engine._open.values():
            locked[working.lock_asset] += working.locked
        for asset in (USDT, BTC):
            assert ledger.free(asset) >= 0
            assert ledger.free(asset) + ledger.locked(asset) == ledger.total(asset)
            assert ledger.locked(asset) == locked[asset]

    @invariant()
    def the_core_counts_the_same_balances(self) -> None:
        for asset in (USDT, BTC):
            assert self.desk.ledger.total(asset) == self.core_balances[asset]

    @invariant()
    def what_is_found_is_what_was_reported(self) -> None:
        for client_order_id, known in self.known.items():
            found = self.desk.finds(client_order_id)
            assert (found.state, found.fills) == (known.state, self.fills[client_order_id])
        still_open = {report.client_order_id for report in self.desk.engine.open_orders()}
        assert still_open == {name for name, known in self.known.items() if known.is_live}

    # how it is checked

    def show(self, bids: tuple[tuple[Decimal, Any], ...], asks: tuple[tuple[Decimal, Any], ...]) -> None:
        for taker, levels in ((Side.BUY, asks), (Side.SELL, bids)):
            if levels != self.shown[taker]:
                self.shown[taker], self.taken[taker] = levels, ZERO

    def follow(self, reports: Reports) -> None:
        for report in reports:
            known = self.known[report.client_order_id]
            was_terminal = known.state in TERMINAL_STATES
            after, new_fills = apply_report(
                known, report, {fill.fill_id for fill in self.fills[report.client_order_id]}
            )
            assert new_fills == report.fills, "a report carried a fill twice"
            assert not (was_terminal and (report.fills or report.state is not known.state))
            self.known[report.client_order_id] = after
            self.fills[report.client_order_id] += new_fills
            for fill in new_fills:
                self.check_fill(after, fill)
            request = after.payload
            if isinstance(request, OrderRequest) and request.time_in_force is TimeInForce.FOK:
                assert after.filled_quantity in (ZERO, request.quantity)

    def check_fill(self, known: Order, fill: Fill) -> None:
        request = known.payload
        assert isinstance(request, OrderRequest)
        bound = price_bound(request)
        assert fill.price <= bound if request.side is Side.BUY else fill.price >= bound
        levels = self.shown[request.side]
        if fill.liquidity is Liquidity.MAKER:
            assert fill.price == bound
            assert request.order_type != OrderType.MARKET
        else:
            assert not request.post_only
            assert fill.price in [price for price, _ in levels], "a fill at a price that nobody displayed"
        self.taken[request.side] += fill.quantity
        displayed = [size for _, size in levels]
        if None not in displayed:
            total = sum((size for size in displayed if size is not None), ZERO)
            assert self.taken[request.side] <= total * self.share, "more was filled than was displayed"
        for asset, change in balance_changes(known, fill).items():
            self.core_balances[asset] += change

    # what is asked

    def draw_known(self, data: st.DataObject) -> ClientOrderId:
        still_open = [name for name, known in self.known.items() if known.is_live]
        return data.draw(st.sampled_from(still_open or list(self.known)) | st.sampled_from(list(self.known)))

    def draw_order(self, data: st.DataObject) -> OrderRequest:
        order_type = data.draw(st.sampled_from([OrderType.LIMIT, *OrderType]))
        time_in_force = data.draw(st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, *TimeInForce]))
        changes: dict[str, Any] = {"order_type": order_type, "time_in_force": time_in_force}
        side = data.draw(st.sampled_from(list(Side)))
        changes["price_worst"] = data.draw(cents | st.just(Decimal(110) if side is Side.BUY else Decimal(90)))
        if order_type in LIMITS:
            changes["limit_price"] = data.draw(cents)
        if order_type in STOPS:
            changes["stop_price"] = data.draw(cents)
        if time_in_force is TimeInForce.GTD:
            delay = data.draw(st.integers(min_value=1, max_value=9))
            changes["expires_at"] = self.desk.now + timedelta(seconds=delay)
        if order_type is OrderType.LIMIT and time_in_force in (TimeInForce.GTC, TimeInForce.GTD):
            changes["post_only"] = data.draw(st.booleans())
        quantity = data.draw(quantities)
        request = order(f"o{len(self.known)}", side, str(quantity), **changes)
        self.known[request.client_order_id] = _permitted(request)
        self.fills[request.client_order_id] = ()
        return request


def _permitted(request: OrderRequest) -> Order:
    """The core's order as it stands before the venue has said anything."""
    paid, received = (USDT, BTC) if request.side is Side.BUY else (BTC, USDT)
    terms = Terms(
        price_worst=request.price_worst,
        notional=ZERO,
        pay=Amount(value=ZERO, asset=paid),
        receive=Amount(value=ZERO, asset=received),
        reduces=False,
    )
    return Order(
        client_order_id=request.client_order_id,
        agent_id=AgentId("agent"),
        mode=Mode.PAPER,
        payload=request,
        terms=terms,
        state=OrderState.PERMITTED,
        created_at=START,
        updated_at=START,
        shape="",
    )


TestPaperTrading = PaperTrading.TestCase
TestPaperTrading.settings = settings(
    max_examples=1000 if os.environ.get("SWEEP") == "full" else 120, stateful_step_count=40, deadline=None
)
