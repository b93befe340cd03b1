"""An exchange without a row in the table, on the wire of one that has: `binanceus` speaks as Binance does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import pytest
from readytrader_sdk.errors import Misconfigured, Unavailable, Unsupported
from readytrader_sdk.orders import OrderState, OrderType, Side
from readytrader_sdk.ports import CancelAllPort, CaveatsPort

from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import Request
from builtin_plugins.ccxt_exchange.capabilities import TABLE
from builtin_plugins.ccxt_exchange.exchange import CcxtExchange
from builtin_plugins.ccxt_exchange.making import ccxt_exchange
from builtin_plugins.ccxt_exchange.venue_ids import VenueIds
from builtin_plugins.ccxt_exchange.venues.cautious import LIMIT, LISTS_BY_SYMBOL, Cautious
from builtin_plugins.ccxt_loading import exchange_class
from tests.plugins.ccxt_ground import BTC, OTHER, OURS, SECRET, context, local_venue, order, quote, trading

FAR = Decimal(60000)


class Clock:
    """The venue's, set by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


REFUSED = {
    "btcbox": "read fills",
    "btse": "read an order that has ended",
    "bithumb": "read fills",
    "bydfi": "cancel an order, read an order that has ended",
    "cex": "read fills",
    "coincheck": "read an order that has ended",
    "coinspot": "list open orders, read an order that has ended",
    "cryptomus": "read fills",
    "dydx": "read fills",
    "indodax": "read fills",
    "paymium": "list open orders, read fills, read an order that has ended",
    "upbit": "read fills",
    "zaif": "read fills",
}
"""Where no safe trading is possible at all, and why not."""
NEVER_ABSENT = {
    "bit2c", "bitbank", "bitbns", "bitso", "bitstamp", "coinbaseinternational", "coinone", "gemini", "zebpay",
}  # fmt: skip
"""Where an order that is not found waits for a person."""


def every_exchange() -> Iterator[tuple[str, Any]]:
    """ccxt's name of each, and its object as the plugin makes it."""
    (folder,) = find_spec("ccxt").submodule_search_locations  # type: ignore[union-attr,misc] # it is a package
    for name in sorted({path.stem for path in Path(folder, "async_support").glob("*.py")} - {"__init__"}):
        yield name, exchange_class(name, streaming=False)({"apiKey": "k", "secret": SECRET, "uid": "u"})


def test_every_exchange_of_ccxt_is_made_or_refused_by_name_with_what_it_lacks(tmp_path: Path) -> None:
    refused: dict[str, str] = {}
    never_absent: set[str] = set()
    names = [name for name, _ in every_exchange()]
    for name in names:
        settings = {"exchange": name, **({"symbols": "BTC/USDT"} if name in LISTS_BY_SYMBOL else {})}
        try:
            exchange = ccxt_exchange(context(tmp_path, settings, password="p", uid="u"))
        except Misconfigured as fault:
            refused[name] = str(fault).rpartition("ccxt has no way there to ")[2]
        else:
            if not exchange.dialect.can_say_absent:
                never_absent.add(name)
    assert len(names) >= 100
    assert refused == REFUSED
    assert never_absent == NEVER_ABSENT
    assert not (refused.keys() | never_absent) & TABLE.keys()


def test_whoever_lists_open_orders_of_one_symbol_alone_is_told_its_symbols(tmp_path: Path) -> None:
    """As ccxt has it: asked for all of them, it demands a symbol before anything is sent."""

    async def demanding() -> set[str]:
        found = set()
        for name, api in every_exchange():
            api.markets, api.options["warnOnFetchOpenOrdersWithoutSymbol"] = {}, False
            try:
                await api.fetch_open_orders()
            except Exception as error:  # noqa: BLE001 - what else is wrong with a made-up key says nothing
                words = str(error)
                if "symbol" in words and type(error).__name__ in ("ArgumentsRequired", "ExchangeError"):
                    found.add(name)
            finally:
                await api.close()
        return found - REFUSED.keys()

    assert asyncio.run(demanding()) == LISTS_BY_SYMBOL
    for name in LISTS_BY_SYMBOL:
        with pytest.raises(Misconfigured, match="symbols: this exchange lists open orders of one symbol"):
            ccxt_exchange(context(tmp_path, {"exchange": name}, password="p", uid="u"))


def without_lists(exchange: CcxtExchange) -> CcxtExchange:
    """The same exchange as one that ccxt reads no ended orders of."""
    for name in ("fetchOrders", "fetchClosedOrders", "fetchCanceledOrders"):
        exchange.client.api.has[name] = None
    exchange.dialect = Cautious(exchange.client)
    return exchange


def test_without_a_list_of_what_ended_an_order_is_known_again_by_the_venues_id_and_never_called_absent(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url):
            async with trading(tmp_path, "binanceus", url) as made:
                exchange = without_lists(made)
                await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
                assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.CANCELLED
            async with trading(tmp_path, "binanceus", url) as made:  # another life
                exchange = without_lists(made)
                found = await exchange.find_order(OURS, BTC)
                assert found is not None
                assert found.state is OrderState.CANCELLED
                for ask in (exchange.find_order, exchange.cancel_order):
                    with pytest.raises(Unsupported, match="cannot say that it has no such order"):
                        await ask(OTHER, BTC)

    asyncio.run(scene())


def test_a_venues_id_that_a_crash_tore_off_is_not_known(tmp_path: Path) -> None:
    ids = VenueIds(tmp_path)
    ids.learn("ours", "1234567")
    ids.learn("next", "7654321")
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-4])
    again = VenueIds(tmp_path)
    assert (again.of("ours"), again.of("next")) == ("1234567", None)
    again.learn("third", "55")
    assert VenueIds(tmp_path).of("third") == "55"


def exchange_ids(folder: Path) -> None:
    """Let each of two orders have the venue's ID of the other."""
    (file,) = folder.rglob("venue-ids")
    (ours, first), (other, second) = (line.split() for line in file.read_text().splitlines())
    file.write_text(f"{ours} {second}\n{other} {first}\n")


def test_another_order_that_is_told_under_the_venues_id_is_not_taken_for_ours(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url):
            async with trading(tmp_path, "binanceus", url) as made:
                exchange = without_lists(made)
                for name in (OURS, OTHER):
                    await exchange.place_order(order(client_order_id=name, limit_price=FAR, price_worst=FAR))
                    await exchange.cancel_order(name, BTC)
            exchange_ids(tmp_path)
            async with trading(tmp_path, "binanceus", url) as made:
                with pytest.raises(Unavailable):
                    await without_lists(made).find_order(OURS, BTC)

    asyncio.run(scene())


def test_an_order_that_fills_at_once_is_told_with_its_fills_where_no_list_has_it(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), trading(tmp_path, "binanceus", url) as made:
            exchange = without_lists(made)
            await exchange.place_order(order(order_type=OrderType.MARKET, limit_price=None))
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.FILLED
            assert sum(fill.quantity for fill in found.fills) == Decimal("0.01")

    asyncio.run(scene())


def test_a_venue_that_cannot_say_absent_says_so_and_one_of_few_symbols_knows_no_other(tmp_path: Path) -> None:
    named = context(tmp_path, {"exchange": "bitso", "symbols": "BTC/USDT, ETH/USDT"})
    told = asyncio.run(cast(CaveatsPort, ccxt_exchange(named)).caveats())
    assert len(told) == 3
    assert "waits for a person" in told[1]
    assert "BTC/USDT, ETH/USDT alone" in told[2]

    async def scene() -> None:
        async with local_venue(others=1) as (_, url), trading(tmp_path, "binanceus", url, symbols=BTC) as exchange:
            assert [one.symbol for one in await exchange.instruments()] == [BTC]
            await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            assert [one.client_order_id for one in await exchange.open_orders()] == [OURS]

    asyncio.run(scene())


def test_an_order_is_placed_found_and_cancelled(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            placed = await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            assert placed.state is OrderState.OPEN
            assert venue.open_orders(venue.accounts()[0])[0].request.client_order_id == OURS
            assert [one.client_order_id for one in await exchange.open_orders()] == [OURS]
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.OPEN
            assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.CANCELLED

    asyncio.run(scene())


def strangers_orders(venue: LocalExchange, count: int) -> None:
    """So many of the same account, placed and cancelled before anything of ours."""
    account = venue.accounts()[0]
    for number in range(count):
        theirs = Request(
            symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"), limit_price=FAR,
            client_order_id=f"web_{number}",
        )  # fmt: skip
        venue.cancel(account, venue.place(account, theirs).order_id)


def test_an_order_that_has_ended_is_found_behind_more_than_a_page_of_others(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            strangers_orders(venue, 2 * LIMIT + 7)
            await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            assert (await exchange.cancel_order(OURS, BTC)).state is OrderState.CANCELLED
            assert await exchange.find_order(OTHER, BTC) is None

    asyncio.run(scene())


def test_an_order_that_was_placed_days_ago_is_found_with_its_fills_once_it_has_ended(tmp_path: Path) -> None:
    clock = Clock(datetime.now(UTC) - timedelta(days=9))

    async def scene() -> None:
        async with local_venue(clock=clock) as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            account = venue.accounts()[0]
            ours = Request(
                symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"), limit_price=FAR,
                client_order_id=str(OURS),
            )  # fmt: skip
            venue.place(account, ours)
            clock.now = datetime.now(UTC) - timedelta(days=8)
            venue.show(quote("59990", "59999", at=clock.now))
            clock.now = datetime.now(UTC)
            found = await exchange.find_order(OURS, BTC)
            assert found is not None
            assert found.state is OrderState.FILLED
            assert [fill.quantity for fill in found.fills] == [Decimal("0.001")]

    asyncio.run(scene())


def test_where_a_list_may_go_on_an_order_that_is_not_in_it_is_not_called_absent(tmp_path: Path) -> None:
    """A venue that tells the newest, whatever it is asked for, tells a full page and then nothing more."""

    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            strangers_orders(venue, LIMIT)
            with pytest.raises(Unavailable, match="may have no end"):
                await exchange.find_order(OURS, BTC)

    asyncio.run(scene())


def test_everything_is_cancelled_those_of_strangers_included(tmp_path: Path) -> None:
    async def scene() -> None:
        async with local_venue() as (venue, url), trading(tmp_path, "binanceus", url) as exchange:
            await exchange.place_order(order(limit_price=FAR, price_worst=FAR))
            theirs = Request(
                symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"), limit_price=FAR,
                client_order_id="web_1",
            )  # fmt: skip
            venue.place(venue.accounts()[0], theirs)
            assert len(await exchange.open_orders()) == 2
            await cast(CancelAllPort, exchange).cancel_all_orders()
            await cast(CancelAllPort, exchange).cancel_all_orders()
            assert await exchange.open_orders() == ()

    asyncio.run(scene())
