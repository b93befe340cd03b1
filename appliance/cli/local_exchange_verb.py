"""`readytrader local-exchange`: play money behind real exchanges' wires, on loopback, to try live trading against."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from readytrader_sdk.instruments import Instrument

    from appliance.local_exchange.model import LocalExchange

STARTS = {"BTC/USDT": "60000", "ETH/USDT": "2500", "BTC/USD": "60000"}
INCREMENTS = {"BTC": ("0.01", "0.00001"), "ETH": ("0.01", "0.0001")}
BALANCES = {"USDT": "100000", "BTC": "1", "ETH": "10"}
"""Nothing that no price of the walk says the worth of: a venue whose balances cannot be valued is not fit."""
TICK_S = 0.1


@click.command("local-exchange")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: any free one.")
@click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="Where the venue keeps its own ledger.")
@click.option("--key", default="local-key", show_default=True, help="The API key that is let in.")
@click.option(
    "--secret", default="bG9jYWwtc2VjcmV0", show_default=True, help="Its secret; base64, for Kraken's wire too."
)
@click.option("--walk/--no-walk", default=True, show_default=True, help="Let prices walk at random.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the walk.")
@click.option(
    "--recording",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Play a recording of Binance's USD-M streams as ETH/USDT instead, at the speed of a tick each 0.1 s.",
)
def local_exchange_command(
    port: int, ledger: Path | None, key: str, secret: str, walk: bool, seed: int, recording: Path | None
) -> None:
    """Run a play-money exchange on loopback until interrupted. The first line on standard output says where it is."""
    try:
        asyncio.run(_run(port, ledger, (key, secret), _ticks_of(walk, seed, recording)))
    except OSError as error:
        raise click.ClickException(f"the exchange cannot start: {error}") from error


def _instruments() -> list[Instrument]:
    from readytrader_sdk.instruments import Asset, Instrument, Symbol

    made = []
    for symbol in STARTS:
        base, quote = symbol.split("/")
        price_increment, quantity_increment = INCREMENTS[base]
        made.append(
            Instrument(
                symbol=Symbol(symbol),
                base=Asset(base),
                quote=Asset(quote),
                price_increment=Decimal(price_increment),
                quantity_increment=Decimal(quantity_increment),
                quantity_min=Decimal(quantity_increment),
                notional_min=Decimal(5),
            )
        )
    return made


def _ticks_of(walk: bool, seed: int, recording: Path | None) -> list[Iterator[object]]:
    """What moves: one line of ticks for each instrument. Without a walk there is one book each, and it stays."""
    from readytrader_sdk.instruments import Symbol

    from appliance.local_exchange import market

    lines: list[Iterator[object]] = []
    for instrument in _instruments():
        if recording is not None and instrument.symbol == "ETH/USDT":
            lines.append(tick for _, tick in market.recorded(recording, Symbol("ETH/USDT")))
        else:
            books = market.walk(instrument, Decimal(STARTS[instrument.symbol]), seed)
            lines.append(books if walk else iter([next(books)]))
    return lines


async def _run(port: int, ledger: Path | None, key: tuple[str, str], lines: list[Iterator[object]]) -> None:
    from readytrader_sdk.instruments import Asset

    from appliance.local_exchange.model import LocalExchange
    from appliance.local_exchange.server import serve

    exchange = LocalExchange(_instruments(), lambda: datetime.now(UTC), ledger_path=ledger)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        exchange.register_key(*key, balances={Asset(asset): Decimal(text) for asset, text in BALANCES.items()})
        _move(exchange, lines)
        async with serve(exchange, port=port) as url:
            click.echo(json.dumps({"url": url, "key": key[0]}))
            while not stopped.is_set():
                _move(exchange, lines)
                try:
                    await asyncio.wait_for(stopped.wait(), TICK_S)
                except TimeoutError:
                    continue
    finally:
        exchange.close()


def _move(exchange: LocalExchange, lines: list[Iterator[object]]) -> None:
    from readytrader_sdk.market import Book, Quote, Trade

    for line in lines:
        tick = next(line, None)
        if isinstance(tick, Book | Quote | Trade):
            exchange.show(tick)
