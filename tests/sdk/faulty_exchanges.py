"""Exchanges with one fault each, and the checks that it must fail: those and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from decimal import Decimal

import msgspec
from readytrader_sdk.errors import Unavailable, Unsupported
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Tick
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    Fill,
    OrderRequest,
    OrderState,
    OrderType,
    TimeInForce,
)

from tests.sdk.good import SYMBOL, GoodExchange, report

replace = msgspec.structs.replace


class Exchange(GoodExchange):
    """Seams at which a fault can be put in."""

    def __init__(self, context: PluginContext) -> None:
        super().__init__(context)
        self.calls = 0
        self.seen: list[ClientOrderId] = []

    def placing(self, order: OrderRequest) -> OrderRequest:
        return order

    def placed(self, answer: ExecutionReport) -> ExecutionReport:
        return answer

    def found(self, answer: ExecutionReport) -> ExecutionReport:
        return answer

    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return fills

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        answer = await super().place_order(self.placing(order))
        return self.placed(replace(answer, fills=self.filled(answer.fills)))

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        answer = await super().find_order(client_order_id, symbol)
        return None if answer is None else self.found(replace(answer, fills=self.filled(answer.fills)))


class ListsNothing(Exchange):
    async def instruments(self) -> Sequence[Instrument]:
        return []


class ListsAnother(Exchange):
    """Beside the right one."""

    def another(self, instrument: Instrument) -> Instrument:
        return instrument

    async def instruments(self) -> Sequence[Instrument]:
        (instrument,) = await super().instruments()
        ether = replace(instrument, symbol=Symbol("ETH/USD"), base=Asset("ETH"))
        return [instrument, self.another(ether)]


class ListsOneTwice(ListsAnother):
    def another(self, instrument: Instrument) -> Instrument:
        return replace(instrument, symbol=SYMBOL, base=Asset("BTC"))


class ListsOddly(Exchange):
    """Another instrument every second time."""

    async def instruments(self) -> Sequence[Instrument]:
        (instrument,) = await super().instruments()
        self.calls += 1
        other = replace(instrument, symbol=Symbol("ETH/USD"), base=Asset("ETH"))
        return [instrument, other] if self.calls % 2 else [instrument]


class WritesSymbolsSmall(ListsAnother):
    def another(self, instrument: Instrument) -> Instrument:
        return replace(instrument, symbol=Symbol("eth/usd"))


class ConfusesSpotAndSwap(ListsAnother):
    def another(self, instrument: Instrument) -> Instrument:
        return replace(instrument, symbol=Symbol("ETH/USD:USD"))


class HasNoIncrement(ListsAnother):
    def another(self, instrument: Instrument) -> Instrument:
        return replace(instrument, price_increment=Decimal(0))


class HasNoNumber(ListsAnother):
    def another(self, instrument: Instrument) -> Instrument:
        return replace(instrument, notional_min=Decimal("NaN"))


class RaisesForTheUnknown(Exchange):
    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        answer = await super().find_order(client_order_id, symbol)
        if answer is None:
            raise Unavailable("no such order")
        return answer


class CancelsNothingUnknown(Exchange):
    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        answer = await super().cancel_order(client_order_id, symbol)
        if answer.state is OrderState.ABSENT:
            raise Unsupported("no such order")
        return answer


class LeaksItsOwnErrors(Exchange):
    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        return await super().find_order(client_order_id, {SYMBOL: SYMBOL}[symbol])


class FreesTooMuch(Exchange):
    async def balances(self) -> Sequence[Balance]:
        return [replace(balance, free=balance.total + 1) for balance in await super().balances()]


class ListsTheEnded(Exchange):
    async def open_orders(self) -> Sequence[ExecutionReport]:
        return [*await super().open_orders(), report(ClientOrderId("old"), OrderState.CANCELLED)]


class CannotDisarmTwice(Exchange):
    armed = False

    async def cancel_all_after(self, seconds: int) -> None:
        if not seconds and not self.armed:
            raise Unsupported("not armed")
        self.armed = bool(seconds)


class LosesTransfers(Exchange):
    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        raise KeyError(client_order_id)


class InventsLoans(Exchange):
    async def find_lending(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return report(client_order_id, OrderState.FILLED)


class StreamsWhatNobodyAskedFor(Exchange):
    def stream_quotes(self, symbols: Sequence[Symbol]) -> AsyncIterator[Tick]:
        return super().stream_quotes([*symbols, Symbol("ETH/USD")])


class AnswersAboutAnotherOrder(Exchange):
    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        return replace(await super().cancel_order(client_order_id, symbol), client_order_id=ClientOrderId("other"))


class SaysTooMuchAtFirst(Exchange):
    def placed(self, answer: ExecutionReport) -> ExecutionReport:
        return replace(answer, state=OrderState.PARTLY_FILLED) if answer.state is OrderState.OPEN else answer


class FindsNothingOpen(Exchange):
    def found(self, answer: ExecutionReport) -> ExecutionReport:
        return replace(answer, state=OrderState.UNKNOWN) if answer.state is OrderState.OPEN else answer


class ListsNoOrders(Exchange):
    async def open_orders(self) -> Sequence[ExecutionReport]:
        return []


class TakesLockedForSpent(Exchange):
    async def balances(self) -> Sequence[Balance]:
        return [replace(balance, total=balance.free) for balance in await super().balances()]


class NeverSaysCancelled(Exchange):
    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        answer = await super().cancel_order(client_order_id, symbol)
        return replace(answer, state=OrderState.OPEN) if answer.state is OrderState.CANCELLED else answer


class CancelsOnce(Exchange):
    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        if client_order_id in self.seen:
            raise Unavailable("already cancelled")
        self.seen.append(client_order_id)
        return await super().cancel_order(client_order_id, symbol)


class ForgetsWhoCancelled(Exchange):
    def found(self, answer: ExecutionReport) -> ExecutionReport:
        return replace(answer, state=OrderState.EXPIRED) if answer.state is OrderState.CANCELLED else answer


class RaisesForRefusals(Exchange):
    def placed(self, answer: ExecutionReport) -> ExecutionReport:
        if answer.reason == "insufficient_funds":
            raise Unsupported("insufficient funds")
        return answer


class MakesTwo(Exchange):
    """Sent again under its ID, an order is made again."""

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        if order.client_order_id in self.seen:
            twin = replace(order, client_order_id=ClientOrderId(order.client_order_id + "b"))
            return await super().place_order(twin)
        self.seen.append(order.client_order_id)
        return await super().place_order(order)


class RestsWhatIsImmediate(Exchange):
    def placing(self, order: OrderRequest) -> OrderRequest:
        is_limit = order.order_type is OrderType.LIMIT
        return replace(order, time_in_force=TimeInForce.GTC) if is_limit else order


class HasNoTimeZone(Exchange):
    def placed(self, answer: ExecutionReport) -> ExecutionReport:
        return replace(answer, reported_at=answer.reported_at.replace(tzinfo=None))


class FillsLimitsBeyond(Exchange):
    kind = OrderType.LIMIT

    def placing(self, order: OrderRequest) -> OrderRequest:
        if order.order_type is self.kind:
            self.seen.append(order.client_order_id)
        return order

    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        beyond = [fill for fill in fills if fill.fill_id.removeprefix("fill-") in self.seen]
        return tuple(replace(fill, price=Decimal(60000)) if fill in beyond else fill for fill in fills)


class FillsMarketOrdersBeyond(FillsLimitsBeyond):
    kind = OrderType.MARKET


class IgnoresTheWorstPrice(Exchange):
    def placing(self, order: OrderRequest) -> OrderRequest:
        is_market = order.order_type is OrderType.MARKET
        return replace(order, price_worst=Decimal(51000)) if is_market else order


class FillsTooMuch(Exchange):
    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return tuple(replace(fill, quantity=fill.quantity * 2) for fill in fills)


class OverfillsWhatItCancels(FillsTooMuch):
    """Says that it cancelled the rest of an order of which it filled more than there was."""

    def found(self, answer: ExecutionReport) -> ExecutionReport:
        return replace(answer, state=OrderState.CANCELLED) if answer.fills else answer


class NamesAllFillsAlike(Exchange):
    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return tuple(replace(fill, fill_id="1") for fill in fills)


class FindsNoFills(Exchange):
    def found(self, answer: ExecutionReport) -> ExecutionReport:
        return replace(answer, fills=())


class SplitsFinely(Exchange):
    """Into two fills that are no multiples of the increment."""

    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return tuple(
            replace(fill, fill_id=fill.fill_id + part, quantity=fill.quantity * share, fee=fill.fee * share)
            for fill in fills
            for part, share in (("a", Decimal("0.05")), ("b", Decimal("0.95")))
        )


class ComputesInFloats(Exchange):
    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return tuple(replace(fill, price=float(fill.price)) for fill in fills)


class FillsTomorrow(Exchange):
    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return tuple(replace(fill, filled_at=fill.filled_at + timedelta(days=1)) for fill in fills)


class TakesPostOnly(Exchange):
    def placing(self, order: OrderRequest) -> OrderRequest:
        return replace(order, post_only=False)


class HidesFees(Exchange):
    def filled(self, fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
        return tuple(replace(fill, fee=Decimal(0)) for fill in fills)


class KeepsWhatItReplaces(Exchange):
    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        old = await self.find_order(replaced, order.symbol)
        if old is None or old.state is not OrderState.OPEN:
            return report(order.client_order_id, OrderState.REJECTED)
        return await self.place_order(order)


class ReplacesTheEnded(Exchange):
    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        await self.cancel_order(replaced, order.symbol)
        return await self.place_order(order)


class CancelsWhenArmed(Exchange):
    async def cancel_all_after(self, seconds: int) -> None:
        if seconds:
            for order in await self.open_orders():
                await self.cancel_order(order.client_order_id, SYMBOL)


CANCELLING = {
    "cancelling_an_unknown_order_is_harmless",
    "cancelling_ends_an_order",
    "cancelling_twice_is_harmless",
    "a_cancelled_order_stays_cancelled",
    "report_times_are_utc",
    "replacing_what_has_ended_places_nothing",
}
EXCHANGES: dict[type[Exchange], set[str]] = {
    ListsNothing: {"instruments_are_listed"},
    ListsOneTwice: {"instruments_are_listed"},
    ListsOddly: {"instruments_can_be_asked_for_again"},
    WritesSymbolsSmall: {"symbols_are_well_formed"},
    ConfusesSpotAndSwap: {"symbols_are_well_formed"},
    HasNoIncrement: {"increments_are_usable"},
    HasNoNumber: {"increments_are_usable"},
    RaisesForTheUnknown: {"an_unknown_order_is_not_found"},
    CancelsNothingUnknown: {"cancelling_an_unknown_order_is_harmless"},
    LeaksItsOwnErrors: {"errors_are_of_the_sdk"},
    FreesTooMuch: {"balances_are_consistent"},
    ListsTheEnded: {"open_orders_are_open"},
    CannotDisarmTwice: {"disarming_is_harmless"},
    LosesTransfers: {"an_unknown_transfer_is_not_found"},
    InventsLoans: {"an_unknown_loan_is_not_found"},
    StreamsWhatNobodyAskedFor: {"quotes_are_streamed"},
    AnswersAboutAnotherOrder: CANCELLING,
    SaysTooMuchAtFirst: {"placing_answers_that_it_is_open"},
    FindsNothingOpen: {
        "an_open_order_is_found",
        "replacing_leaves_one_order",
        "a_disarmed_switch_cancels_nothing",
    },
    ListsNoOrders: {"an_open_order_is_listed"},
    TakesLockedForSpent: {"an_open_order_spends_nothing"},
    NeverSaysCancelled: {"cancelling_ends_an_order"},
    CancelsOnce: {"cancelling_twice_is_harmless"},
    ForgetsWhoCancelled: {"a_cancelled_order_stays_cancelled", "replacing_leaves_one_order"},
    RaisesForRefusals: {"a_refusal_is_a_report"},
    MakesTwo: {"an_id_makes_one_order"},
    RestsWhatIsImmediate: {"an_immediate_order_never_rests"},
    HasNoTimeZone: {"report_times_are_utc"},
    FillsLimitsBeyond: {"a_limit_is_kept", "balances_follow_fills"},
    FillsMarketOrdersBeyond: {"a_market_order_keeps_its_worst_price"},
    IgnoresTheWorstPrice: {"a_market_order_out_of_reach_buys_nothing"},
    FillsTooMuch: {"fills_add_up", "balances_follow_fills"},
    OverfillsWhatItCancels: {"fills_add_up", "balances_follow_fills"},
    NamesAllFillsAlike: {"fill_ids_are_unique"},
    FindsNoFills: {"an_order_is_found_with_all_fills"},
    SplitsFinely: {"amounts_are_exact"},
    ComputesInFloats: {"amounts_are_exact", "balances_follow_fills"},
    FillsTomorrow: {"fill_times_are_utc"},
    TakesPostOnly: {"post_only_never_takes"},
    HidesFees: {"balances_follow_fills"},
    KeepsWhatItReplaces: {"replacing_leaves_one_order"},
    ReplacesTheEnded: {"replacing_what_has_ended_places_nothing"},
    CancelsWhenArmed: {"a_disarmed_switch_cancels_nothing"},
}
