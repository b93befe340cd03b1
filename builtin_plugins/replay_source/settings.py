"""The player's settings, read from text. Everything that is wrong is a `Misconfigured` that names the setting."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from pathlib import Path

from msgspec import Struct
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.money import InvalidAmount, positive_from_text

from builtin_plugins.replay_source.recording import TIMEFRAMES

DEPTH_MAX = 5000


class Format(StrEnum):
    """What a recording's files hold."""

    BINANCE_USDM = "binance_usdm"
    CANDLES_CSV = "candles_csv"
    KRAKEN_REST = "kraken_rest"


class Shift(StrEnum):
    """Which times the ticks carry."""

    NONE = "none"
    NOW = "now"


class ReplaySettings(Struct, frozen=True, kw_only=True):
    """What is played, and how."""

    paths: tuple[Path, ...]
    format: Format
    symbol: Symbol
    speed: Fraction | None
    """None is as fast as possible."""
    shift: Shift
    loop: bool
    depth: int
    timeframe: str


KNOWN = frozenset(ReplaySettings.__struct_fields__) - {"paths"} | {"path"}


def read_settings(context: PluginContext) -> ReplaySettings:
    """The settings of one player. Raises `Misconfigured`."""
    reader = _Reader(context)
    settings = ReplaySettings(
        paths=tuple(Path(name.strip()) for name in reader.text("path").split(",")),
        format=Format(reader.one_of("format", tuple(Format))),
        symbol=reader.symbol(),
        speed=reader.speed(),
        shift=Shift(reader.one_of("shift", tuple(Shift), "none")),
        loop=reader.one_of("loop", ("true", "false"), "false") == "true",
        depth=reader.whole("depth", 20, DEPTH_MAX),
        timeframe=reader.one_of("timeframe", tuple(TIMEFRAMES), "1m"),
    )
    if settings.loop and (settings.speed is None or settings.shift is Shift.NONE):
        raise reader.wrong("loop", "a speed and shift = now: times must not run backwards", "true")
    if settings.format is Format.CANDLES_CSV and settings.shift is Shift.NOW and settings.speed is not None:
        raise reader.wrong("speed", "max with shift = now: a candle's time cannot be stretched", str(settings.speed))
    return settings


class _Reader:
    def __init__(self, context: PluginContext) -> None:
        self._context = context
        if unknown := sorted(context.settings.keys() - KNOWN):
            raise self.wrong("settings", ", ".join(sorted(KNOWN)), unknown[0])

    def wrong(self, setting: str, expected: str, seen: str) -> Misconfigured:
        return Misconfigured(f"{self._context.name}: {setting}: expected {expected}, got {seen[:60]!r}")

    def text(self, setting: str, default: str | None = None) -> str:
        text = self._context.settings.get(setting, default)
        if not text:
            raise Misconfigured(f"{self._context.name}: {setting}: is missing")
        return text

    def one_of(self, setting: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        text = self.text(setting, default)
        if text not in allowed:
            raise self.wrong(setting, f"one of {', '.join(allowed)}", text)
        return text

    def whole(self, setting: str, default: int, highest: int) -> int:
        text = self.text(setting, str(default))
        if not (text.isascii() and text.isdigit() and len(text) <= 9) or not 0 < int(text) <= highest:
            raise self.wrong(setting, f"a whole number from 1 to {highest}", text)
        return int(text)

    def speed(self) -> Fraction | None:
        text = self.text("speed", "max")
        if text == "max":
            return None
        try:
            return Fraction(positive_from_text(text))
        except InvalidAmount as error:
            raise self.wrong("speed", "max or a factor above 0", text) from error

    def symbol(self) -> Symbol:
        text = self.text("symbol")
        base, _, quote = text.partition("/")
        if not base or not quote:
            raise self.wrong("symbol", "BASE/QUOTE or BASE/QUOTE:SETTLE", text)
        return Symbol(text)
