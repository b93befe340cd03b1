"""What only shows when settings are seen together. Each check is silent about values that were refused on their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from readytrader_sdk.instruments import MarketType

from appliance.config.arrays import Row
from appliance.config.collector import collector_problem
from appliance.config.names import suggest
from appliance.config.plugin_coherence import check_plugins
from appliance.config.problems import Problem
from appliance.config.resolve import Resolved, unknown
from appliance.config.settings import Family, Setting, allow, limits, marketdata, mode, otel, paper, sentiment

PAPER_ONLY = frozenset({"sample", "replay"})
"""Built-in sources that are made up or recorded. Others say so themselves once they run, and are refused then."""


def check_coherence(resolved: Resolved, tables: Mapping[str, Sequence[Row]]) -> list[Problem]:
    """Every contradiction between settings that are fine on their own. A table that is missing was refused already."""
    sources, instruments = tables.get("source"), tables.get("instrument")
    checks = (
        _mode(resolved, tables),
        _ceilings(resolved),
        _cash(resolved),
        [] if sources is None else _sources(resolved, [row.value.name for row in sources]),
        [] if instruments is None else _capped_assets(resolved, sorted({row.value.base for row in instruments})),
        list(check_plugins(tables)),
        _tracing(resolved),
    )
    return [problem for problems in checks for problem in problems]


def _problem(resolved: Resolved, setting: Setting[Any], text: str) -> Problem:
    return Problem(where=resolved.where(setting.key), setting=setting.key, text=text)


def _given(resolved: Resolved, *settings: Setting[Any]) -> bool:
    """Whether none of them was refused on its own."""
    return not any(setting.key in resolved.broken for setting in settings)


def _tracing(resolved: Resolved) -> list[Problem]:
    """Where traces may go. What other programs on the host set for themselves matters only once tracing is on."""
    if not resolved.value(otel.ENABLED) or not _given(resolved, otel.ENDPOINT, otel.HOSTS):
        return []
    hosts: frozenset[str] = resolved.value(otel.HOSTS)
    text = collector_problem(resolved.value(otel.ENDPOINT), hosts)
    return [] if text is None else [_problem(resolved, otel.ENDPOINT, text)]


def _mode(resolved: Resolved, tables: Mapping[str, Sequence[Row]]) -> list[Problem]:
    """Real money needs every allowlist, the absolute caps, a venue that takes it, and prices that are a market's."""
    if resolved.value(mode.PAPER_MODE):
        return []
    problems: list[Problem] = []
    if not any(row.value.live for row in tables.get("exchange", ())) and "exchange" in tables:
        problems.append(_problem(resolved, mode.PAPER_MODE, "false needs an [[exchange]] with live = true"))
    for row in tables.get("source", ()):
        if row.value.plugin in PAPER_ONLY:
            text = f"{row.value.plugin} is no market's price of now; real money needs another source"
            problems.append(Problem(where=str(row.origin), setting="source.plugin", text=text))
    types = resolved.value(allow.MARKET_TYPES)
    if types is not None and types != {MarketType.SPOT}:
        text = "real money trades spot alone in this version: positions with margin are not accounted for"
        problems.append(_problem(resolved, allow.MARKET_TYPES, text))
    needed: tuple[Setting[Any], ...] = (
        allow.EXCHANGES, allow.SYMBOLS, allow.MARKET_TYPES, allow.TOKENS, allow.CHAINS,
        limits.NOTIONAL_ORDER_MAX, limits.NOTIONAL_CEX_ORDER_MAX,
    )  # fmt: skip
    missing = [one for one in needed if _given(resolved, one) and resolved.value(one) is None]
    return problems + [_problem(resolved, setting, "must be set for live trading") for setting in missing]


def _ceilings(resolved: Resolved) -> list[Problem]:
    """Values that another setting bounds."""
    pairs: tuple[tuple[Setting[Any], Setting[Any]], ...] = (
        (limits.COLLAR_SOFT_PCT, limits.COLLAR_HARD_PCT),
        (paper.MAKER_FEE_PCT, limits.FEE_MAX_PCT),
        (paper.TAKER_FEE_PCT, limits.FEE_MAX_PCT),
    )
    problems: list[Problem] = []
    for lower, upper in pairs:
        value, ceiling = resolved.value(lower), resolved.value(upper)
        if _given(resolved, lower, upper) and value is not None and value > ceiling:
            text = f"{lower.form.text(value)} is above {upper.key}, {upper.form.text(ceiling)}"
            problems.append(_problem(resolved, lower if lower.key in resolved.given else upper, text))
    return problems


def _cash(resolved: Resolved) -> list[Problem]:
    """The accounting asset itself is cash."""
    accounting, cash = resolved.value(limits.ACCOUNTING_ASSET), resolved.value(limits.CASH_ASSETS)
    if accounting in cash or not _given(resolved, limits.ACCOUNTING_ASSET, limits.CASH_ASSETS):
        return []
    setting = limits.CASH_ASSETS if limits.CASH_ASSETS.key in resolved.given else limits.ACCOUNTING_ASSET
    return [_problem(resolved, setting, f"the accounting asset {accounting} is not among limits.cash_assets")]


def _sources(resolved: Resolved, names: Sequence[str]) -> list[Problem]:
    """Sources that settings refer to exist, and there are enough of them."""
    problems: list[Problem] = []
    score = resolved.value(sentiment.SOURCE)
    if score is not None and score not in names:
        problems.append(unknown(resolved.where(sentiment.SOURCE.key), score, suggest(score, names), what="source"))
    if score is None and sentiment.MIN.key in resolved.given and _given(resolved, sentiment.SOURCE):
        problems.append(_problem(resolved, sentiment.MIN, "has no effect without sentiment.source"))
    least = resolved.value(marketdata.QUOTE_SOURCES_MIN)
    if least > len(names):
        text = f"{least} sources must agree and only {len(names)} configured: nothing could be traded"
        problems.append(_problem(resolved, marketdata.QUOTE_SOURCES_MIN, text))
    ceiling = resolved.value(marketdata.QUOTE_AGE_MAX)
    for name, age in resolved.members(marketdata.SOURCE_AGE_MAX).items():
        key = f"{marketdata.SOURCE_AGE_MAX.key}.{name}"
        if name not in names:
            problems.append(unknown(resolved.where(key), name, suggest(name, names), what="source"))
        elif age > ceiling and _given(resolved, marketdata.QUOTE_AGE_MAX):
            problems.append(
                _above(resolved, marketdata.SOURCE_AGE_MAX, name, f"is above {marketdata.QUOTE_AGE_MAX.key}")
            )
    return problems


def _capped_assets(resolved: Resolved, bases: Sequence[str]) -> list[Problem]:
    """A cap for an asset that nothing trades is a misspelt cap: the asset that was meant would have none."""
    known = {*bases, *(resolved.value(allow.TOKENS) or ())}
    return [
        unknown(
            resolved.where(f"{limits.QUANTITY_ORDER_MAX.key}.{asset}"), asset, suggest(asset, known), what="base asset"
        )
        for asset in resolved.members(limits.QUANTITY_ORDER_MAX)
        if asset not in known
    ]


def _above(resolved: Resolved, family: Family[Any], member: str, text: str) -> Problem:
    key = f"{family.key}.{member}"
    return Problem(where=resolved.where(key), setting=key, text=text)
