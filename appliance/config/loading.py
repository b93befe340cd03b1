"""The one door: a file and an environment in, a configuration or every problem out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from readytrader_sdk.instruments import Asset, Instrument

from appliance.config import settings as s
from appliance.config.arrays import Row, read_array
from appliance.config.coherence import check_coherence
from appliance.config.document import read_document
from appliance.config.problems import ConfigurationError, Problem
from appliance.config.resolve import Resolved, resolve
from appliance.config.settings import FAMILIES, SETTINGS
from appliance.config.tables import ARRAYS
from appliance.config.values import (
    Configuration,
    Effective,
    ExecutionMode,
    Listener,
    LogTerms,
    MarketDataRules,
    OperatorListener,
    PaperTerms,
    RateLimits,
    Source,
    TracingTerms,
)
from appliance.domain.limits import Limits
from appliance.domain.snapshot import Mode
from appliance.plugin_host.entries import InstalledPlugin, Instance

_canonical = msgspec.json.Encoder(order="deterministic")


def load(path: Path | None, environ: Mapping[str, str]) -> Configuration:
    """The configuration of a TOML file (None: no file) under an environment, which goes before the file.

    Pure: reads the file and nothing else, changes nothing. Raises `ConfigurationError` with every problem found;
    a value is never replaced by a default because it could not be read.
    """
    problems: list[Problem] = []
    document = read_document(path, problems)
    resolved = resolve(document, environ, problems)
    read = {array.name: read_array(document, array, problems) for array in ARRAYS}
    tables = {name: rows for name, rows in read.items() if rows is not None}
    problems += check_coherence(resolved, tables)
    if problems:
        raise ConfigurationError(problems)
    configuration = _configuration(resolved, tables)
    digest = hashlib.sha256(_canonical.encode(configuration)).hexdigest()
    effective = (*_effective_settings(resolved), *_effective_rows(tables))
    return msgspec.structs.replace(configuration, effective=effective, digest=digest)


def _configuration(resolved: Resolved, tables: Mapping[str, Sequence[Row]]) -> Configuration:
    value = resolved.value
    values = {name: tuple(row.value for row in rows) for name, rows in tables.items()}
    return Configuration(
        mode=Mode.PAPER if value(s.PAPER_MODE) else Mode.LIVE,
        live_trading_enabled=value(s.LIVE_TRADING_ENABLED),
        trading_halted=value(s.TRADING_HALTED),
        execution_mode=value(s.EXECUTION_MODE),
        risk_profile=value(s.RISK_PROFILE),
        limits=limits_of(resolved),
        rate_limits=RateLimits(
            default_per_min=value(s.RATE_DEFAULT),
            execution_per_min=value(s.RATE_EXECUTION),
            tool_per_min=resolved.members(s.TOOL_RATE),
        ),
        market_data=MarketDataRules(
            outlier_max_pct=value(s.OUTLIER_MAX_PCT),
            outlier_window=value(s.OUTLIER_WINDOW),
            agree_max_pct=value(s.AGREE_MAX_PCT),
            source_age_max=resolved.members(s.SOURCE_AGE_MAX),
        ),
        sentiment_source=value(s.SENTIMENT_SOURCE),
        paper=PaperTerms(
            maker_fee_pct=value(s.PAPER_MAKER_FEE_PCT),
            taker_fee_pct=value(s.PAPER_TAKER_FEE_PCT),
            latency=value(s.PAPER_LATENCY),
            fill_share_max_pct=value(s.PAPER_FILL_SHARE_MAX_PCT),
        ),
        watchdog_after=value(s.WATCHDOG_AFTER),
        agent_listener=Listener(host=value(s.AGENT_HTTP_HOST), port=value(s.AGENT_HTTP_PORT)),
        operator_listener=OperatorListener(
            enabled=value(s.OPERATOR_HTTP_ENABLED),
            host=value(s.OPERATOR_HTTP_HOST),
            port=value(s.OPERATOR_HTTP_PORT),
            session_max=value(s.OPERATOR_SESSION_MAX),
            calls_per_min=value(s.OPERATOR_CALLS_PER_MIN),
            metrics_open=value(s.OPERATOR_METRICS_OPEN),
        ),
        log=LogTerms(form=value(s.LOG_FORMAT), level=value(s.LOG_LEVEL)),
        tracing=TracingTerms(
            enabled=value(s.OTEL_ENABLED),
            service_name=value(s.OTEL_SERVICE_NAME),
            endpoint=value(s.OTEL_ENDPOINT),
            hosts=value(s.OTEL_HOSTS),
        ),
        equity_every=value(s.EQUITY_EVERY),
        daily_summary=value(s.DAILY_SUMMARY),
        insight_tools=value(s.INSIGHT_TOOLS),
        sources=values["source"],
        exchanges=values["exchange"],
        routers=values["router"],
        signers=values["signer"],
        notifiers=values["notifier"],
        plugins=values["plugin"],
        cage_required=value(s.CAGE_REQUIRED),
        instruments=values["instrument"],
    )


def limits_of(resolved: Resolved) -> Limits:
    """All limits that the settings come to."""
    value = resolved.value
    return Limits(
        accounting_asset=value(s.ACCOUNTING_ASSET),
        cash_assets=value(s.CASH_ASSETS),
        position_max_pct=value(s.POSITION_MAX_PCT),
        exposure_max_pct=value(s.EXPOSURE_MAX_PCT),
        daily_loss_max_pct=value(s.DAILY_LOSS_MAX_PCT),
        drawdown_max_pct=value(s.DRAWDOWN_MAX_PCT),
        nav_jump_max_pct=value(s.NAV_JUMP_MAX_PCT),
        notional_order_max=value(s.NOTIONAL_ORDER_MAX),
        notional_cex_order_max=value(s.NOTIONAL_CEX_ORDER_MAX),
        quantity_order_max={Asset(name): most for name, most in resolved.members(s.QUANTITY_ORDER_MAX).items()},
        collar_hard_pct=value(s.COLLAR_HARD_PCT),
        collar_soft_pct=value(s.COLLAR_SOFT_PCT),
        slippage_max_pct=value(s.SLIPPAGE_MAX_PCT),
        spread_max_pct=value(s.SPREAD_MAX_PCT),
        depth_max_pct=value(s.DEPTH_MAX_PCT),
        fee_max_pct=value(s.FEE_MAX_PCT),
        open_orders_max=value(s.OPEN_ORDERS_MAX),
        open_notional_max_pct=value(s.OPEN_NOTIONAL_MAX_PCT),
        turnover_max_pct=value(s.TURNOVER_MAX_PCT),
        turnover_window=value(s.TURNOVER_WINDOW),
        duplicate_window=value(s.DUPLICATE_WINDOW),
        repeated_orders_max=value(s.REPEATED_ORDERS_MAX),
        repeated_window=value(s.REPEATED_WINDOW),
        rejects_max=value(s.REJECTS_MAX),
        rejects_window=value(s.REJECTS_WINDOW),
        drift_max_pct=value(s.DRIFT_MAX_PCT),
        foreign_orders_max=value(s.FOREIGN_ORDERS_MAX),
        quote_age_max=value(s.QUOTE_AGE_MAX),
        quote_sources_min=value(s.QUOTE_SOURCES_MIN),
        clock_skew_max=value(s.CLOCK_SKEW_MAX),
        data_loss_max=value(s.DATA_LOSS_MAX),
        sentiment_min=None if value(s.SENTIMENT_SOURCE) is None else value(s.SENTIMENT_MIN),
        sentiment_age_max=value(s.SENTIMENT_AGE_MAX),
        allow_exchanges=frozenset() if value(s.EXECUTION_MODE) is ExecutionMode.DEX else value(s.ALLOW_EXCHANGES),
        allow_symbols=value(s.ALLOW_SYMBOLS),
        allow_market_types=value(s.ALLOW_MARKET_TYPES),
        allow_tokens=value(s.ALLOW_TOKENS),
        allow_chains=frozenset() if value(s.EXECUTION_MODE) is ExecutionMode.CEX else value(s.ALLOW_CHAINS),
        allow_to_addresses=value(s.ALLOW_TO_ADDRESSES),
        transfer_native_max=value(s.TRANSFER_NATIVE_MAX),
        approval_mode=value(s.APPROVAL_MODE),
        approval_notional_min=value(s.APPROVAL_NOTIONAL_MIN),
        approval_first_symbol=value(s.APPROVAL_FIRST_SYMBOL),
        approval_first_orders=value(s.APPROVAL_FIRST_ORDERS),
        approval_people_min=value(s.APPROVAL_PEOPLE_MIN),
        proposal_ttl=value(s.PROPOSAL_TTL),
        permit_ttl=value(s.PERMIT_TTL),
        loosening_delay=value(s.LOOSENING_DELAY),
    )


def _effective_settings(resolved: Resolved) -> Iterator[Effective]:
    for setting in SETTINGS:
        shown = setting.form.text(resolved.value(setting))
        if setting is s.SENTIMENT_MIN and resolved.value(s.SENTIMENT_SOURCE) is None:
            shown = "off"
        yield Effective(setting=setting.key, value=shown, unit=setting.unit, origin=resolved.origin(setting))
    for family in FAMILIES:
        for member, most in resolved.members(family).items():
            key = f"{family.key}.{member}"
            origin = resolved.given[key].origin
            yield Effective(setting=key, value=family.form.text(most), unit=family.unit, origin=origin)


def _effective_rows(tables: Mapping[str, Sequence[Row]]) -> Iterator[Effective]:
    for array in ARRAYS:
        for row in tables[array.name]:
            setting = f"{array.name}.{getattr(row.value, array.identity)}"
            yield Effective(setting=setting, value=_shown(row.value), unit="", origin=row.origin)


def _shown(value: Instance | InstalledPlugin | Instrument) -> str:
    """An element in one line; an instance without its settings, whose meaning only the plugin knows."""
    if isinstance(value, Instrument):
        return f"price step {value.price_increment:f}, quantity step {value.quantity_increment:f}"
    if isinstance(value, InstalledPlugin):
        return f"{'enabled' if value.enabled else 'disabled'}, version {value.version}, sha256 {value.sha256[:16]}"
    priority = f", priority {value.priority}" if isinstance(value, Source) else ""
    venue = f", venue {value.venue}" if value.venue else ""
    granted = "".join(f", to {host}" for host in (*value.hosts, *value.private_hosts))
    return f"plugin {value.plugin}{priority}{venue}{granted}"
