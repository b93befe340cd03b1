"""The one door: a file and an environment in, a configuration or every problem out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from readytrader_sdk.instruments import Asset, Instrument

from appliance.config.arrays import Row, read_array
from appliance.config.coherence import check_coherence
from appliance.config.document import read_document
from appliance.config.problems import ConfigurationError, Problem
from appliance.config.resolve import Resolved, resolve
from appliance.config.settings import (
    FAMILIES,
    SETTINGS,
    agent,
    allow,
    approval,
    limits,
    log,
    marketdata,
    mode,
    notices,
    operator_http,
    otel,
    paper,
    plugins,
    rate_limits,
    reports,
    sentiment,
    tools,
    watchdog,
)
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
        mode=Mode.PAPER if value(mode.PAPER_MODE) else Mode.LIVE,
        live_trading_enabled=value(mode.LIVE_TRADING_ENABLED),
        trading_halted=value(mode.TRADING_HALTED),
        execution_mode=value(mode.EXECUTION_MODE),
        risk_profile=value(mode.RISK_PROFILE),
        limits=limits_of(resolved),
        rate_limits=RateLimits(
            default_per_min=value(rate_limits.DEFAULT),
            execution_per_min=value(rate_limits.EXECUTION),
            tool_per_min=resolved.members(rate_limits.TOOL_RATE),
        ),
        market_data=MarketDataRules(
            outlier_max_pct=value(marketdata.OUTLIER_MAX_PCT),
            outlier_window=value(marketdata.OUTLIER_WINDOW),
            agree_max_pct=value(marketdata.AGREE_MAX_PCT),
            source_age_max=resolved.members(marketdata.SOURCE_AGE_MAX),
        ),
        sentiment_source=value(sentiment.SOURCE),
        paper=PaperTerms(
            maker_fee_pct=value(paper.MAKER_FEE_PCT),
            taker_fee_pct=value(paper.TAKER_FEE_PCT),
            latency=value(paper.LATENCY),
            fill_share_max_pct=value(paper.FILL_SHARE_MAX_PCT),
        ),
        watchdog_after=value(watchdog.AFTER),
        agent_listener=Listener(host=value(agent.HTTP_HOST), port=value(agent.HTTP_PORT)),
        operator_listener=OperatorListener(
            enabled=value(operator_http.ENABLED),
            host=value(operator_http.HOST),
            port=value(operator_http.PORT),
            session_max=value(operator_http.SESSION_MAX),
            calls_per_min=value(operator_http.CALLS_PER_MIN),
            metrics_open=value(operator_http.METRICS_OPEN),
        ),
        log=LogTerms(form=value(log.FORMAT), level=value(log.LEVEL)),
        tracing=TracingTerms(
            enabled=value(otel.ENABLED),
            service_name=value(otel.SERVICE_NAME),
            endpoint=value(otel.ENDPOINT),
            hosts=value(otel.HOSTS),
        ),
        equity_every=value(reports.EQUITY_EVERY),
        daily_summary=value(notices.DAILY_SUMMARY),
        insight_tools=value(tools.INSIGHT_TOOLS),
        sources=values["source"],
        exchanges=values["exchange"],
        routers=values["router"],
        signers=values["signer"],
        notifiers=values["notifier"],
        plugins=values["plugin"],
        cage_required=value(plugins.CAGE_REQUIRED),
        instruments=values["instrument"],
    )


def limits_of(resolved: Resolved) -> Limits:
    """All limits that the settings come to."""
    value = resolved.value
    return Limits(
        accounting_asset=value(limits.ACCOUNTING_ASSET),
        cash_assets=value(limits.CASH_ASSETS),
        position_max_pct=value(limits.POSITION_MAX_PCT),
        exposure_max_pct=value(limits.EXPOSURE_MAX_PCT),
        daily_loss_max_pct=value(limits.DAILY_LOSS_MAX_PCT),
        drawdown_max_pct=value(limits.DRAWDOWN_MAX_PCT),
        nav_jump_max_pct=value(limits.NAV_JUMP_MAX_PCT),
        notional_order_max=value(limits.NOTIONAL_ORDER_MAX),
        notional_cex_order_max=value(limits.NOTIONAL_CEX_ORDER_MAX),
        quantity_order_max={Asset(name): most for name, most in resolved.members(limits.QUANTITY_ORDER_MAX).items()},
        collar_hard_pct=value(limits.COLLAR_HARD_PCT),
        collar_soft_pct=value(limits.COLLAR_SOFT_PCT),
        slippage_max_pct=value(limits.SLIPPAGE_MAX_PCT),
        spread_max_pct=value(limits.SPREAD_MAX_PCT),
        depth_max_pct=value(limits.DEPTH_MAX_PCT),
        fee_max_pct=value(limits.FEE_MAX_PCT),
        open_orders_max=value(limits.OPEN_ORDERS_MAX),
        open_notional_max_pct=value(limits.OPEN_NOTIONAL_MAX_PCT),
        turnover_max_pct=value(limits.TURNOVER_MAX_PCT),
        turnover_window=value(limits.TURNOVER_WINDOW),
        duplicate_window=value(limits.DUPLICATE_WINDOW),
        repeated_orders_max=value(limits.REPEATED_ORDERS_MAX),
        repeated_window=value(limits.REPEATED_WINDOW),
        rejects_max=value(limits.REJECTS_MAX),
        rejects_window=value(limits.REJECTS_WINDOW),
        drift_max_pct=value(limits.DRIFT_MAX_PCT),
        foreign_orders_max=value(limits.FOREIGN_ORDERS_MAX),
        quote_age_max=value(marketdata.QUOTE_AGE_MAX),
        quote_sources_min=value(marketdata.QUOTE_SOURCES_MIN),
        clock_skew_max=value(marketdata.CLOCK_SKEW_MAX),
        data_loss_max=value(limits.DATA_LOSS_MAX),
        sentiment_min=None if value(sentiment.SOURCE) is None else value(sentiment.MIN),
        sentiment_age_max=value(sentiment.AGE_MAX),
        allow_exchanges=frozenset() if value(mode.EXECUTION_MODE) is ExecutionMode.DEX else value(allow.EXCHANGES),
        allow_symbols=value(allow.SYMBOLS),
        allow_market_types=value(allow.MARKET_TYPES),
        allow_tokens=value(allow.TOKENS),
        allow_chains=frozenset() if value(mode.EXECUTION_MODE) is ExecutionMode.CEX else value(allow.CHAINS),
        allow_to_addresses=value(allow.TO_ADDRESSES),
        transfer_native_max=value(limits.TRANSFER_NATIVE_MAX),
        approval_mode=value(approval.MODE),
        approval_notional_min=value(approval.NOTIONAL_MIN),
        approval_first_symbol=value(approval.FIRST_SYMBOL),
        approval_first_orders=value(approval.FIRST_ORDERS),
        approval_people_min=value(approval.PEOPLE_MIN),
        proposal_ttl=value(approval.PROPOSAL_TTL),
        permit_ttl=value(approval.PERMIT_TTL),
        loosening_delay=value(limits.LOOSENING_DELAY),
    )


def _effective_settings(resolved: Resolved) -> Iterator[Effective]:
    for setting in SETTINGS:
        shown = setting.form.text(resolved.value(setting))
        if setting is sentiment.MIN and resolved.value(sentiment.SOURCE) is None:
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
