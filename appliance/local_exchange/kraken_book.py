"""The websocket's book: a snapshot, then what changes within the depth subscribed to, each with its CRC32.

The checksum is over the ten best asks and then the ten best bids, each price and quantity written with the pair's
decimals, without the point and without leading zeros. A client that misses an update computes another one.
Source: docs.kraken.com, Spot Websockets (v2) Book Checksum.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from zlib import crc32

from readytrader_sdk.market import Level
from readytrader_sdk.money import ZERO

from appliance.local_exchange.kraken_names import Pair

DEPTHS = (10, 25, 100, 500, 1000)
_CHECKED = 10

Levels = tuple[Level, ...]


def rfc3339(ms: int) -> str:
    """`2026-01-22T06:06:19.833000Z`."""
    instant = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{instant:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}000Z"


def checksum(pair: Pair, asks: Levels, bids: Levels) -> int:
    """The CRC32 that Kraken sends with this book."""
    digits = "".join(
        _digits(level.price, pair.price_decimals) + _digits(level.size, pair.quantity_decimals)
        for side in (asks, bids)
        for level in side[:_CHECKED]
    )
    return crc32(digits.encode())


class BookView:
    """One subscriber's book of one pair: what it was told last, so that it can be told the difference."""

    __slots__ = ("_asks", "_bids", "_depth", "_pair", "_price_unit", "_quantity_unit")

    def __init__(self, pair: Pair, depth: int) -> None:
        self._pair = pair
        self._depth = depth
        self._price_unit = Decimal(1).scaleb(-pair.price_decimals)
        self._quantity_unit = Decimal(1).scaleb(-pair.quantity_decimals)
        self._asks: Levels = ()
        self._bids: Levels = ()

    def snapshot(self, asks: Sequence[Level], bids: Sequence[Level]) -> dict[str, object]:
        """The whole book, as deep as subscribed to. It has no timestamp."""
        self._asks, self._bids = tuple(asks[: self._depth]), tuple(bids[: self._depth])
        return self._entry(self._asks, self._bids)

    def update(self, asks: Sequence[Level], bids: Sequence[Level], at_ms: int) -> dict[str, object] | None:
        """What has changed since the last call; None when nothing has."""
        asks, bids = tuple(asks[: self._depth]), tuple(bids[: self._depth])
        asks_changed, bids_changed = _changes(self._asks, asks), _changes(self._bids, bids)
        self._asks, self._bids = asks, bids
        if not asks_changed and not bids_changed:
            return None
        return {**self._entry(asks_changed, bids_changed), "timestamp": rfc3339(at_ms)}

    def _entry(self, asks: Iterable[Level], bids: Iterable[Level]) -> dict[str, object]:
        return {
            "symbol": self._pair.symbol,
            "bids": [self._level(level) for level in bids],
            "asks": [self._level(level) for level in asks],
            "checksum": checksum(self._pair, self._asks, self._bids),
        }

    def _level(self, level: Level) -> dict[str, Decimal]:
        return {"price": level.price.quantize(self._price_unit), "qty": level.size.quantize(self._quantity_unit)}


def _changes(before: Levels, after: Levels) -> list[Level]:
    if before == after:
        return []
    sizes = {level.price: level.size for level in before}
    changed = [level for level in after if sizes.pop(level.price, None) != level.size]
    return changed + [Level(price, ZERO) for price in sizes]


def _digits(number: Decimal, decimals: int) -> str:
    return f"{number:.{decimals}f}".replace(".", "").lstrip("0")
