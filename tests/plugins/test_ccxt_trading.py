"""The exchange plugin against venues that speak Binance's and Kraken's wires, well and badly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace
from readytrader_sdk.conformance import ExchangeSubject, Kind, Verdict, run
from readytrader_sdk.conformance.exchange_trial import fresh_id
from readytrader_sdk.egress import Endpoint, HttpAllowance
from readytrader_sdk.errors import Misconfigured, OutcomeUnknown, Unavailable
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.orders import ExecutionReport, Fill, OrderState, OrderType, Side
from readytrader_sdk.ports import (
    AmendPort,
    CancelAllAfterPort,
    CancelAllPort,
    KeyRightsPort,
    ReportStreamPort,
    VenueClockPort,
)

from appliance.local_exchange.faults import Fault
from builtin_plugins.ccxt_exchange.making import ccxt_exchange
from builtin_plugins.ccxt_exchange.nonce import RESERVED_MS, RisingNonce
from builtin_plugins.ccxt_exchange.venues import binance
from builtin_plugins.ccxt_loading.address import origins
from tests.plugins.ccxt_ground import BTC, OTHER, OURS, context, local_venue, order, quote, trading

NOWHEN = datetime(1970, 1, 1, tzinfo=UTC)
WIRES = pytest.mark.parametrize("wire", ["binance", "kraken"])
FAR = Decimal(60000)
BOUND_S = 30


def resting(**changes: Any) -> Any:
    return order(limit_price=FAR, price_worst=FAR, **changes)


@WIRES
def test_it_keeps_every_promise(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url) as exchange:
            subject = ExchangeSubject(
                exchange=exchange, venue=VenueId("mine"), symbol=BTC, quantity=Decimal("0.001"), price_far=FAR,
                price_crossing=Decimal(65100),
            )  # fmt: skip
            report = await run(Kind.EXCHANGE, subject, moving=True)
            report.demand()
            skipped = {outcome.name for outcome in report.outcomes if outcome.verdict is Verdict.SKIPPED}
            of_others = {"an_unknown_transfer_is_not_found", "an_unknown_loan_is_not_found", "quotes_are_streamed"}
            switch = {"disarming_is_harmless", "a_disarmed_switch_cancels_nothing"}
            assert skipped == of_others | (switch if wire == "binance" else set()), report.text()

    asyncio.run(scene())


@WIRES
@pytest.mark.parametrize(
    "fault",
    [Fault.TIMEOUT_AFTER_ACCEPTANCE, Fault.ERROR_5XX_AFTER_ACCEPTANCE, Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT],
)
def test_an_order_whose_answer_was_lost_is_unknown_and_then_found(tmp_path: Path, wire: str, fault: Fault) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url, timeout_s="1") as exchange:
            await exchange.instruments()
            venue.faults.inject(fault, ms=50)
            with pytest.raises(OutcomeUnknown):
                await exchange.place_order(resting())
            assert venue.faults.seen[fault] == 1
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.OPEN

    asyncio.run(scene())


@WIRES
@pytest.mark.parametrize("fault", [Fault.TIMEOUT_BEFORE_ACCEPTANCE, Fault.ERROR_5XX_BEFORE_ACCEPTANCE])
def test_an_order_that_may_have_arrived_is_unknown_and_then_absent(tmp_path: Path, wire: str, fault: Fault) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url, timeout_s="1") as exchange:
            await exchange.instruments()
            venue.faults.inject(fault, ms=50)
            with pytest.raises(OutcomeUnknown):
                await exchange.place_order(resting())
            assert await exchange.find_order(OURS, BTC) is None

    asyncio.run(scene())


@WIRES
def test_what_moves_value_is_sent_once_whatever_comes_of_it(tmp_path: Path, wire: str) -> None:
    """The second fault would be met by a second request."""

    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url) as exchange:
            await exchange.instruments()
            venue.faults.inject(Fault.ERROR_5XX_BEFORE_ACCEPTANCE, times=2)
            with pytest.raises(OutcomeUnknown):
                await exchange.place_order(resting())
            assert venue.faults.seen[Fault.ERROR_5XX_BEFORE_ACCEPTANCE] == 1

    asyncio.run(scene())


@WIRES
def test_a_rate_limit_is_unavailable_for_an_order_and_waited_out_by_a_read(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url) as exchange:
            await exchange.instruments()
            venue.faults.inject(Fault.RATE_LIMIT)
            with pytest.raises(Unavailable, match="rate_limited"):
                await exchange.place_order(resting())
            venue.faults.inject(Fault.RATE_LIMIT, times=2)
            assert await exchange.open_orders() == ()
            assert venue.faults.seen[Fault.RATE_LIMIT] == 3

    asyncio.run(scene())


@WIRES
def test_a_venue_that_is_not_there_was_sent_nothing(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url):
            exchange = ccxt_exchange(context(tmp_path, {"exchange": wire}, url))
            await exchange.instruments()
            await exchange.client.api.close()
        exchange.client.api.closed_by_user = False
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+: no connection"):
            await exchange.place_order(resting())
        with pytest.raises(Unavailable):
            await exchange.find_order(OURS, BTC)
        await exchange.client.api.close()

    asyncio.run(scene())


@WIRES
def test_a_cancellation_that_is_refused_leaves_the_order_as_it_is(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url) as exchange:
            await exchange.place_order(resting())
            venue.faults.inject(Fault.CANCEL_REFUSED)
            with suppress(Unavailable):
                assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.OPEN
            assert [one.client_order_id for one in await exchange.open_orders()] == [OURS]
            assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.CANCELLED

    asyncio.run(scene())


@WIRES
def test_everything_is_cancelled_at_once(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url) as exchange:
            for name in (OURS, OTHER):
                await exchange.place_order(resting(client_order_id=name))
            assert len(await exchange.open_orders()) == 2
            await cast(CancelAllPort, exchange).cancel_all_orders()
            await cast(CancelAllPort, exchange).cancel_all_orders()
            assert await exchange.open_orders() == ()

    asyncio.run(scene())


def test_the_dead_mans_switch_of_kraken_cancels_what_is_open(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, "kraken", url) as exchange:
            await exchange.place_order(resting())
            await cast(CancelAllAfterPort, exchange).cancel_all_after(1)
            async with asyncio.timeout(BOUND_S):
                states = {OrderState.OPEN}
                while states == {OrderState.OPEN}:
                    found = await exchange.find_order(OURS, BTC)
                    states = {found.state} if found is not None else set()
            assert states == {OrderState.CANCELLED}

    asyncio.run(scene())


@WIRES
def test_a_replacement_leaves_the_new_order_alone(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url) as exchange:
            await exchange.place_order(resting())
            amending = cast(AmendPort, exchange)
            report = await amending.replace_order(OURS, resting(client_order_id=OTHER))
            assert report.state is OrderState.OPEN
            assert [one.client_order_id for one in await exchange.open_orders()] == [OTHER]
            again = await amending.replace_order(OURS, resting(client_order_id=OURS))
            assert again.state is OrderState.REJECTED

    asyncio.run(scene())


def test_an_order_with_more_fills_than_a_page_is_told_with_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binance, "FILLS_PAGE", 2)

    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binance", url) as exchange:
            await exchange.place_order(resting())
            for number in range(1, 6):
                venue.show(quote("59990", "59999", f"0.00{number}"))
                found = await exchange.find_order(OURS, BTC)
                assert found is not None
                assert len(found.fills) == min(number, 4)
            assert found.state is OrderState.FILLED

    asyncio.run(scene())


@WIRES
def test_a_stop_rests_until_its_price_and_then_sells_no_worse_than_permitted(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url) as exchange:
            stop = order(
                side=Side.SELL, order_type=OrderType.STOP, limit_price=None, stop_price=Decimal(64000),
                price_worst=Decimal(63500),
            )  # fmt: skip
            assert (await exchange.place_order(stop)).state is OrderState.OPEN
            venue.show(quote("63900", "63900.01"))
            async with asyncio.timeout(BOUND_S):
                while (found := await exchange.find_order(OURS, BTC)) is None or not found.fills:
                    venue.show(quote("63900", "63900.01"))
                    await asyncio.sleep(0.02)
            assert found.state is OrderState.FILLED
            assert all(fill.price >= Decimal(63500) for fill in found.fills)

    asyncio.run(scene())


@WIRES
def test_a_key_that_can_withdraw_is_told_and_so_is_the_venues_clock(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url) as exchange:
            asking = cast(KeyRightsPort, exchange)
            rights = await asking.key_rights()
            assert (rights.can_trade, rights.can_withdraw) == (True, False)
            venue.faults.inject(Fault.WITHDRAW_ENABLED_KEY)
            assert (await asking.key_rights()).can_withdraw is True
            before = await cast(VenueClockPort, exchange).venue_time()
            venue.faults.inject(Fault.CLOCK_SKEW, ms=90_000)
            after = await cast(VenueClockPort, exchange).venue_time()
            assert 80 < (after - before).total_seconds() < 120

    asyncio.run(scene())


@WIRES
def test_an_order_of_somebody_else_is_told_by_the_venues_name(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url) as exchange:
            await exchange.instruments()
            api, market = exchange.client.api, await exchange.client.market(BTC)
            if wire == "kraken":
                asked = {
                    "pair": market.venue_id,
                    "type": "buy",
                    "ordertype": "limit",
                    "volume": "0.01",
                    "price": "60000",
                }
                await api.privatePostAddOrder(asked)
            else:
                params = {"newClientOrderId": "web_somebody-else"}
                await api.create_order("BTC/USDT", "limit", "buy", "0.01", "60000", params)
            (report,) = await exchange.open_orders()
            assert report.client_order_id == f"venue:{report.venue_order_id}"

    asyncio.run(scene())


@WIRES
def test_the_stream_tells_an_orders_life_under_our_name_with_the_fills_that_are_found(
    tmp_path: Path, wire: str
) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, wire, url) as exchange:
            await exchange.instruments()
            told: list[ExecutionReport] = []
            stream = cast(ReportStreamPort, exchange).stream_reports()

            async def listen() -> None:
                async with aclosing(cast(Any, stream)) as reports:
                    async for report in reports:
                        told.append(report)  # noqa: PERF401 - what was told is looked at before the stream ends

            listening = asyncio.create_task(listen())
            async with asyncio.timeout(BOUND_S):
                while not told:  # what happens before the venue has taken the subscription is not told
                    probe = fresh_id()
                    await exchange.place_order(resting(client_order_id=probe))
                    await exchange.cancel_order(probe, BTC)
            await exchange.place_order(resting())
            venue.show(quote("59990", "59999"))
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            fills = {fill.fill_id: fill for fill in found.fills}
            await until(lambda: {fill.fill_id for report in told for fill in report.fills} == fills.keys())
            await until(lambda: any(report.state is OrderState.FILLED for report in told))
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert OrderState.FILLED in [report.state for report in told if report.client_order_id == OURS]
            for report in told:
                for fill in report.fills:
                    known = fills[fill.fill_id]
                    assert (fill.price, fill.quantity, fill.fee, fill.fee_asset) == (
                        known.price, known.quantity, known.fee, known.fee_asset,
                    )  # fmt: skip

    asyncio.run(scene())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def test_a_nonce_rises_over_clocks_that_are_set_back_and_over_restarts(tmp_path: Path) -> None:
    times = iter([1000, 1000, 500, 2000])
    nonce = RisingNonce(tmp_path, lambda: next(times))
    first = [nonce() for _ in range(4)]
    assert first == sorted(set(first))
    after = RisingNonce(tmp_path, lambda: 0)()
    assert first[-1] < after <= first[-1] + RESERVED_MS + 1


def test_a_nonce_file_that_cannot_be_read_is_told_and_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "nonce-floor").write_text("many")
    with pytest.raises(Misconfigured, match="whole number"):
        RisingNonce(tmp_path)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"exchange": "nosuch"}, "exchange: expected"),
        ({"exchange": "base"}, "exchange: expected"),
        ({"exchange": "../x"}, "exchange: expected"),
        ({}, "exchange: expected"),
        ({"exchange": "binance", "sandbox": "true"}, "unknown setting 'sandbox'"),
        ({"exchange": "binance", "market_type": "option"}, "market_type: expected"),
        ({"exchange": "kraken", "market_type": "swap"}, "market_type: expected spot for kraken"),
        ({"exchange": "binance", "timeout_s": "0"}, "timeout_s: expected"),
        ({"exchange": "binance", "timeout_s": "1.5"}, "timeout_s: expected"),
        ({"exchange": "binance", "url": "http://127.0.0.1:1"}, "url: .*not among"),
        ({"exchange": "binance", "url": "ftp://127.0.0.1:1"}, "url: expected"),
        ({"exchange": "binance", "rate_limit": "off"}, "rate_limit: expected"),
        ({"exchange": "okx"}, "secret password: this exchange needs one"),
        ({"exchange": "coinmate"}, "secret uid: this exchange needs one"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, settings: dict[str, str], wrong: str) -> None:
    with pytest.raises(Misconfigured, match=wrong):
        ccxt_exchange(context(tmp_path, settings))


def test_http_is_for_hosts_of_the_operators_own_network(tmp_path: Path) -> None:
    public = HttpAllowance(hosts=(Endpoint("proxy.example.com", 80),))
    settings = {"exchange": "binance", "url": "http://proxy.example.com:80"}
    with pytest.raises(Misconfigured, match="http is for hosts among private_hosts"):
        ccxt_exchange(replace(context(tmp_path, settings), http=public))


def test_an_exchange_without_a_row_says_that_it_is_used_with_caution(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        exchange = ccxt_exchange(context(tmp_path, {"exchange": "gate"}))
    assert "gate: it has no row" in caplog.text
    ports = (AmendPort, CancelAllAfterPort, KeyRightsPort, ReportStreamPort)
    assert not any(isinstance(exchange, port) for port in ports)
    assert isinstance(exchange, VenueClockPort)


def test_no_url_of_an_exchange_is_left_as_it_was_when_another_address_is_given(tmp_path: Path) -> None:
    for name in ("binance", "kraken", "okx", "bybit", "coinbase"):
        exchange = ccxt_exchange(context(tmp_path, {"exchange": name}, "http://127.0.0.1:8090", password="p"))
        assert origins(exchange.client.api.urls) == {"http://127.0.0.1:8090", "ws://127.0.0.1:8090"}


@WIRES
def test_fills_that_do_not_add_up_to_what_is_filled_are_no_answer(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url) as exchange:
            await exchange.place_order(order(order_type=OrderType.MARKET, limit_price=None, price_worst=Decimal(65100)))
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.FILLED

            async def too_few(*_: object) -> list[Any]:
                return []

            cast(Any, exchange.dialect).trades = too_few
            with pytest.raises(Unavailable, match="fills_do_not_add_up"):
                await exchange.find_order(OURS, BTC)

    asyncio.run(scene())


def _but_time(fill: Fill) -> Fill:
    """The answer to an order has one time for all of its fills."""
    return replace(fill, filled_at=NOWHEN)


def test_an_order_that_is_filled_at_once_is_told_whole_by_the_answer_to_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, "binance", url) as exchange:

            async def never(*_: object) -> None:
                raise AssertionError("the venue has said already how the order is")

            binance = cast(Any, exchange.dialect)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(binance, "look", never)
                patched.setattr(binance, "_fills", never)
                done = await exchange.place_order(
                    order(order_type=OrderType.MARKET, limit_price=None, price_worst=Decimal(65100))
                )
            assert done.state is OrderState.FILLED
            assert sum(fill.quantity for fill in done.fills) == Decimal("0.01")
            asked_for = await exchange.find_order(done.client_order_id, BTC)
            assert asked_for is not None
            assert [_but_time(fill) for fill in asked_for.fills] == [_but_time(fill) for fill in done.fills]

    asyncio.run(scene())


@WIRES
def test_cancellations_wait_for_no_rate_limiter(tmp_path: Path, wire: str) -> None:
    async def never(_: object = None) -> None:
        await asyncio.Event().wait()

    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url, rate_limit="on") as exchange:
            exchange.client.api.enableRateLimit = False
            await exchange.place_order(resting())
            exchange.client.api.enableRateLimit = True
            exchange.client.api.throttler = never
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await exchange.open_orders()
            async with asyncio.timeout(BOUND_S):
                await cast(CancelAllPort, exchange).cancel_all_orders()
            exchange.client.api.enableRateLimit = False
            assert await exchange.open_orders() == ()

    asyncio.run(scene())


@WIRES
def test_the_question_about_the_time_waits_for_no_rate_limiter(tmp_path: Path, wire: str) -> None:
    """What it waited would be taken for a difference of the clocks."""

    async def never(_: object = None) -> None:
        await asyncio.Event().wait()

    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, wire, url, rate_limit="on") as exchange:
            exchange.client.api.throttler = never
            async with asyncio.timeout(BOUND_S):
                await cast(VenueClockPort, exchange).venue_time()

    asyncio.run(scene())


def test_a_number_in_an_answer_stays_the_text_that_it_was(tmp_path: Path) -> None:
    exchange = ccxt_exchange(context(tmp_path, {"exchange": "kraken"}))
    text = "0.100000000000000005551115123125"
    assert exchange.client.api.parse_json(f'{{"a": {text}, "b": 7}}') == {"a": text, "b": 7}
