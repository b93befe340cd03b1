"""What Kraken calls things: assets with an X or a Z in front, pairs under three names, orders and trades by their IDs.

Assets that Kraken listed early have two names: `XXBT` in the API's answers and `XBT`, the altname, in everyday use; so
do the national currencies (`ZUSD`, `USD`). A pair of two such assets is `XXBTZUSD`, every other one is made of the
altnames (`XBTUSDT`). The websocket's second version knows none of this: it says `BTC/USD`.
Source: docs.kraken.com, Get Asset Info and Get Tradable Asset Pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct
from readytrader_sdk.instruments import Asset, Instrument, Symbol

_EARLY_ALTNAMES = {"BTC": "XBT", "DOGE": "XDG"}
_EARLY_COINS = frozenset({"BTC", "DOGE", "ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC"})
_NATIONAL = frozenset({"AUD", "CAD", "EUR", "GBP", "JPY", "USD"})

_ID_BITS = 80
_ID_MASK = (1 << _ID_BITS) - 1
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_DIGITS = {character: digit for digit, character in enumerate(_ID_ALPHABET)}
# Odd, so that it has an inverse; large, so that neighbours look nothing alike, as the real ones do.
_ID_FACTOR = 0x9E3779B97F4A7C15F39D
_ID_FACTOR_INVERSE = pow(_ID_FACTOR, -1, 1 << _ID_BITS)


def asset_altname(asset: str) -> str:
    """`XBT` for BTC, `XDG` for DOGE, else the asset itself."""
    return _EARLY_ALTNAMES.get(asset, asset)


def asset_id(asset: str) -> str:
    """What balances and asset pairs call it: `XXBT`, `ZUSD`, `USDT`."""
    altname = asset_altname(asset)
    if asset in _EARLY_COINS:
        return "X" + altname
    return "Z" + altname if asset in _NATIONAL else altname


class Pair(Struct, frozen=True, kw_only=True):
    """One instrument under all its names."""

    instrument: Instrument
    id: str
    """The key of REST answers: `XXBTZUSD`, `XBTUSDT`."""
    altname: str
    """What orders and trades say: `XBTUSD`."""
    wsname: str
    """`XBT/USD`, the name on the first websocket API."""
    price_decimals: int
    quantity_decimals: int

    @property
    def symbol(self) -> Symbol:
        """`BTC/USD`, the name on the second websocket API and of this project."""
        return self.instrument.symbol


class KrakenNames:
    """The pairs of one venue, found by any of their names."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.pairs = tuple(_pair(instrument) for instrument in instruments)
        self.assets: tuple[Asset, ...] = tuple(
            dict.fromkeys(asset for pair in self.pairs for asset in (pair.instrument.base, pair.instrument.quote))
        )
        self.by_symbol = {pair.symbol: pair for pair in self.pairs}
        self._by_name = {
            name: pair for pair in self.pairs for name in (pair.symbol, pair.id, pair.altname, pair.wsname)
        }

    def find(self, name: str) -> Pair | None:
        """The pair under this name, in whatever case; None when there is none."""
        return self._by_name.get(name) or self._by_name.get(name.upper())


def _pair(instrument: Instrument) -> Pair:
    base, quote = instrument.base, instrument.quote
    altname = asset_altname(base) + asset_altname(quote)
    is_early = base in _EARLY_COINS and (quote in _EARLY_COINS or quote in _NATIONAL)
    return Pair(
        instrument=instrument,
        id=asset_id(base) + asset_id(quote) if is_early else altname,
        altname=altname,
        wsname=f"{asset_altname(base)}/{asset_altname(quote)}",
        price_decimals=decimals_of(instrument.price_increment),
        quantity_decimals=decimals_of(instrument.quantity_increment),
    )


def decimals_of(increment: Decimal) -> int:
    """How many digits after the point a multiple of this increment has."""
    exponent = increment.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def order_txid(number: int) -> str:
    """The order's ID as Kraken writes them, `OQCLML-BW3P3-BUCMWZ`; a number has one, and gets no other's."""
    return _grouped("O", number)


def trade_txid(number: int) -> str:
    """The trade's ID, `TCCCTY-WE2O6-P3NB37`."""
    return _grouped("T", number)


def order_number(txid: str) -> int | None:
    """The number behind an order's ID; None for a text that is no such ID."""
    digits = txid.replace("-", "")
    if len(txid) != 19 or len(digits) != 17 or digits[0] != "O" or not _ID_DIGITS.keys() >= set(digits):
        return None
    scrambled = 0
    for character in digits[1:]:
        scrambled = scrambled << 5 | _ID_DIGITS[character]
    return scrambled * _ID_FACTOR_INVERSE & _ID_MASK


def _grouped(kind: str, number: int) -> str:
    scrambled = number * _ID_FACTOR & _ID_MASK
    text = "".join(_ID_ALPHABET[scrambled >> shift & 31] for shift in range(_ID_BITS - 5, -5, -5))
    return f"{kind}{text[:5]}-{text[5:10]}-{text[10:]}"
