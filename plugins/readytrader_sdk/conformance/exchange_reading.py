"""What an exchange says: instruments, balances, orders, streams. Nothing here moves value."""

from __future__ import annotations

from readytrader_sdk.conformance.checks import expect, expect_time, promise, shown, skip
from readytrader_sdk.conformance.exchange_trial import fresh_id
from readytrader_sdk.conformance.instrument_rules import expect_exact, expect_rules, expect_symbol, expect_unique
from readytrader_sdk.conformance.listening import expect_to_stop, listen, symbol_of, time_of
from readytrader_sdk.conformance.subjects import ExchangeSubject
from readytrader_sdk.errors import PluginError
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.kinds import Kind
from readytrader_sdk.orders import OrderState
from readytrader_sdk.ports import CancelAllAfterPort, LendingPort, QuoteStreamPort, TransferPort

_OPEN = (OrderState.OPEN, OrderState.PARTLY_FILLED)
_NOWHERE = Symbol("NOSUCHCOIN/NOWHERE")


async def _symbol(subject: ExchangeSubject) -> Symbol:
    """The subject's symbol, else the first that the venue lists."""
    if subject.symbol is not None:
        return subject.symbol
    instruments = await subject.exchange.instruments()
    if not instruments:
        skip("the venue lists no instrument")
    return instruments[0].symbol


@promise(Kind.EXCHANGE, "The venue lists its instruments, each once, the one to be traded among them.")
async def instruments_are_listed(subject: ExchangeSubject) -> None:
    instruments = await subject.exchange.instruments()
    expect(len(instruments) > 0, "no instrument is listed")
    expect_unique(instruments)
    symbols = {instrument.symbol for instrument in instruments}
    expect(subject.symbol is None or subject.symbol in symbols, f"{shown(subject.symbol)} is not listed")


@promise(Kind.EXCHANGE, "Asked again, the venue lists the same instruments.")
async def instruments_can_be_asked_for_again(subject: ExchangeSubject) -> None:
    first = {instrument.symbol for instrument in await subject.exchange.instruments()}
    second = {instrument.symbol for instrument in await subject.exchange.instruments()}
    expect(first == second, f"the second answer differs in {shown(sorted(first ^ second))}")


@promise(Kind.EXCHANGE, "A symbol is BASE/QUOTE in capitals, with :SETTLE for a derivative, as its parts say.")
async def symbols_are_well_formed(subject: ExchangeSubject) -> None:
    for instrument in await subject.exchange.instruments():
        expect_symbol(instrument)


@promise(Kind.EXCHANGE, "Increments are exact and above zero, minimums exact and not below.")
async def increments_are_usable(subject: ExchangeSubject) -> None:
    for instrument in await subject.exchange.instruments():
        expect_rules(instrument)


@promise(Kind.EXCHANGE, "An order that the venue has never seen is not found: the answer is None, not an error.")
async def an_unknown_order_is_not_found(subject: ExchangeSubject) -> None:
    found = await subject.exchange.find_order(fresh_id(), await _symbol(subject))
    expect(found is None, f"found {shown(found)}")


@promise(Kind.EXCHANGE, "Cancelling an order that the venue has never seen answers ABSENT, not an error.")
async def cancelling_an_unknown_order_is_harmless(subject: ExchangeSubject) -> None:
    asked = fresh_id()
    report = await subject.exchange.cancel_order(asked, await _symbol(subject))
    expect(report.client_order_id == asked, f"the answer is about {shown(report.client_order_id)}")
    expect(report.state is OrderState.ABSENT, f"its state is {shown(report.state)}")


@promise(Kind.EXCHANGE, "A symbol that the venue does not have is answered, or refused with an error of the SDK.")
async def errors_are_of_the_sdk(subject: ExchangeSubject) -> None:
    for call in (subject.exchange.find_order, subject.exchange.cancel_order):
        try:
            await call(fresh_id(), _NOWHERE)
        except PluginError:
            continue


@promise(Kind.EXCHANGE, "Every balance is of another asset, exact, and has at most as much free as in total.")
async def balances_are_consistent(subject: ExchangeSubject) -> None:
    seen = set()
    for balance in await subject.exchange.balances():
        asset = shown(balance.asset)
        expect(balance.asset not in seen, f"{asset} is listed twice")
        seen.add(balance.asset)
        expect_exact(balance.total, f"{asset}: total")
        expect_exact(balance.free, f"{asset}: free")
        expect(balance.total != 0, f"{asset}: a balance of nothing is listed")
        expect(balance.free <= balance.total, f"{asset}: {shown(balance.free)} free of {shown(balance.total)}")


@promise(Kind.EXCHANGE, "Orders listed as open are open, each listed once, with times in UTC.")
async def open_orders_are_open(subject: ExchangeSubject) -> None:
    seen = set()
    for report in await subject.exchange.open_orders():
        name = shown(report.client_order_id)
        expect(report.state in _OPEN, f"{name} is listed as open and {shown(report.state)}")
        key = (report.client_order_id, report.venue_order_id)
        expect(key not in seen, f"{name} is listed twice")
        seen.add(key)
        expect_time(report.reported_at, f"{name}: reported_at")


@promise(Kind.EXCHANGE, "A dead-man's switch can be disarmed when it is not armed, again and again.")
async def disarming_is_harmless(subject: ExchangeSubject) -> None:
    if not isinstance(subject.exchange, CancelAllAfterPort):
        skip("the venue has no dead-man's switch")
    await subject.exchange.cancel_all_after(0)
    await subject.exchange.cancel_all_after(0)


@promise(Kind.EXCHANGE, "A transfer that was never sent is not found: the answer is None, not an error.")
async def an_unknown_transfer_is_not_found(subject: ExchangeSubject) -> None:
    if not isinstance(subject.exchange, TransferPort):
        skip("the venue sends no transfers")
    found = await subject.exchange.find_transfer(fresh_id())
    expect(found is None, f"found {shown(found)}")


@promise(Kind.EXCHANGE, "A lending request that was never sent is not found: the answer is None, not an error.")
async def an_unknown_loan_is_not_found(subject: ExchangeSubject) -> None:
    if not isinstance(subject.exchange, LendingPort):
        skip("the venue does not lend")
    found = await subject.exchange.find_lending(fresh_id())
    expect(found is None, f"found {shown(found)}")


@promise(Kind.EXCHANGE, "Streamed quotes are of the symbols asked for, with times in UTC, and stop when cancelled.")
async def quotes_are_streamed(subject: ExchangeSubject) -> None:
    exchange = subject.exchange
    if not isinstance(exchange, QuoteStreamPort):
        skip("the venue streams no quotes")
    symbol = await _symbol(subject)
    ticks = await listen(exchange.stream_quotes([symbol]), ticks_max=20, listen_s=20)
    expect(len(ticks) > 0, "no tick within 20 s")
    for tick in ticks:
        expect(symbol_of(tick) == symbol, f"asked for {symbol}, got {shown(tick)}")
        expect_time(time_of(tick), shown(tick))
    await expect_to_stop(exchange.stream_quotes([symbol]))
