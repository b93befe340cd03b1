"""What an operator may set of a feed, checked before anything is connected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import MarketType, Symbol

from builtin_plugins.ccxt_loading import Choice, choice_of
from builtin_plugins.ccxt_source.timeframes import TIMEFRAMES

KNOWN = frozenset({"exchange", "symbols", "feed", "timeframes", "silence_s", "depth", "poll_s", "url", "timeout_s"})
SYMBOLS_MAX = 200
DEPTH_MAX = 50
SILENCE_S = {"binance": 30, "binanceusdm": 30, "binanceus": 60, "bybit": 15, "okx": 60, "kraken": 60, "coinbase": 60}
"""How long a symbol that people trade is never quiet. Bybit repeats itself every three seconds; others only news."""
SILENCE_S_DEFAULT, SILENCE_S_MAX = 60, 3600
POLL_S_DEFAULT, POLL_S_MAX = 5, 300
POLLS_MISSED = 3
"""A feed that is polled is silent, where no `silence_s` is set, once so many polls could have told something."""
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}(?::[A-Z0-9]{1,20})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,4}", re.ASCII)


class How(StrEnum):
    """Where ticks come from."""

    STREAM = "stream"
    POLL = "poll"


class Settings(Struct, frozen=True, kw_only=True):
    """One feed."""

    choice: Choice
    symbols: tuple[Symbol, ...]
    how: How
    timeframes: tuple[str, ...]
    silence_s: int
    depth: int
    poll_s: int


def settings_of(context: PluginContext) -> Settings:
    """Read an instance's settings. Raises `Misconfigured` that names the setting, what is wrong and what was seen."""
    given, name = context.settings, context.name
    if unknown := sorted(given.keys() - KNOWN):
        raise Misconfigured(f"{name}: unknown setting {unknown[0][:40]!r}; expected {', '.join(sorted(KNOWN))}")
    symbols = _symbols(name, given.get("symbols", ""))
    market_type = MarketType.SWAP if ":" in symbols[0] else MarketType.SPOT
    try:
        how = How(given.get("feed", How.STREAM))
    except ValueError:
        raise Misconfigured(f"{name}: feed: expected stream or poll, got {given['feed'][:40]!r}") from None
    choice = choice_of(msgspec.structs.replace(context, settings={**given, "market_type": str(market_type)}))
    poll_s = _whole(name, given, "poll_s", POLL_S_DEFAULT, 1, POLL_S_MAX)
    silence = SILENCE_S.get(choice.exchange_id, SILENCE_S_DEFAULT)
    if how is How.POLL:
        silence = max(silence, POLLS_MISSED * poll_s)
    silence_s = _whole(name, given, "silence_s", silence, 1, SILENCE_S_MAX)
    if how is How.POLL and silence_s <= poll_s:
        raise Misconfigured(f"{name}: silence_s: expected more than the {poll_s} s between two polls, got {silence_s}")
    return Settings(
        choice=choice,
        symbols=symbols,
        how=how,
        timeframes=_timeframes(name, given.get("timeframes", "1m,1h")),
        silence_s=silence_s,
        depth=_whole(name, given, "depth", 0, 0, DEPTH_MAX),
        poll_s=poll_s,
    )


def _symbols(name: str, text: str) -> tuple[Symbol, ...]:
    symbols = tuple(Symbol(part.strip()) for part in text.split(","))
    for symbol in symbols:
        if not _SYMBOL.fullmatch(symbol):
            raise Misconfigured(f"{name}: symbols: expected such as BTC/USDT or BTC/USDT:USDT, got {symbol[:40]!r}")
    if len(set(symbols)) != len(symbols) or len(symbols) > SYMBOLS_MAX:
        raise Misconfigured(f"{name}: symbols: expected up to {SYMBOLS_MAX}, each once, got {len(symbols)}")
    if len({":" in symbol for symbol in symbols}) > 1:
        raise Misconfigured(f"{name}: symbols: spot and perpetuals take an instance each")
    return symbols


def _timeframes(name: str, text: str) -> tuple[str, ...]:
    if text.strip() == "none":
        return ()
    frames = tuple(part.strip() for part in text.split(","))
    if unknown := [frame for frame in frames if frame not in TIMEFRAMES]:
        known = ", ".join(TIMEFRAMES)
        raise Misconfigured(f"{name}: timeframes: expected some of {known}, or none, got {unknown[0][:20]!r}")
    return tuple(frame for frame in TIMEFRAMES if frame in frames)


def _whole(name: str, given: Mapping[str, str], setting: str, default: int, least: int, most: int) -> int:
    text = given.get(setting, str(default))
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise Misconfigured(f"{name}: {setting}: expected a whole number from {least} to {most}, got {text[:20]!r}")
    return int(text)
