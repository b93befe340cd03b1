"""Every setting of the registry, by the registry: a new one is covered as soon as it exists."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.instruments import MarketType

from appliance.config import ExecutionMode, RiskProfile, load
from appliance.config.forms import EnvironmentText, NumberText
from appliance.config.names import edits
from appliance.config.settings import FAMILIES, SETTINGS
from appliance.config.unsupported import TRACING_NAMES
from appliance.domain.limits import ApprovalMode
from appliance.plugin_host.cage import Measure
from appliance.telemetry.logs import LogForm, LogLevel

BY_KEY = {setting.key: setting for setting in SETTINGS}
every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)

LIVE_ONLY = {"paper_mode"}
"""Settings whose other value needs others with it; see `test_live.py`."""


def toml_of(key: str, literal: str) -> str:
    section, _, name = key.rpartition(".")
    return f"[{section}]\n{name} = {literal}\n" if section else f"{name} = {literal}\n"


def environment(setting, text):
    """A value in the environment, and with it what gives it a meaning."""
    on = {"OTEL_ENABLED": "true"} if setting.environment in TRACING_NAMES else {}
    return on | {setting.environment: text}


@every_setting
def test_a_default_is_a_value_that_could_be_written(setting):
    for profile in RiskProfile:
        value = setting.default(profile)
        written = tomllib.loads(f"v = {setting.form.literal(value)}", parse_float=NumberText)["v"]
        assert setting.form.parse(written) == value


@pytest.mark.parametrize("setting", [one for one in SETTINGS if one.key != "sentiment.min"], ids=lambda one: one.key)
def test_a_default_written_into_the_file_or_the_environment_changes_nothing(setting, loaded):
    value = setting.default(RiskProfile.CONSERVATIVE)
    assert loaded(toml_of(setting.key, setting.form.literal(value))).digest == load(None, {}).digest
    assert load(None, {setting.environment: setting.form.text(value)}).digest == load(None, {}).digest


UNREADABLE_TEXTS = (
    "", " ", "?", "5%", "0,05", "1e3", "NaN", "-inf", "+5", "5 ", " 5", "1_000", "٥", "yes", "True", "TRUE", "on",
    "None", "null", "-5", "0x10", "9" * 40, "\x00", "a;b", "127.0.0.1.", "off,", ",", "any,any", "ANY", "NONE",
)  # fmt: skip
UNREADABLE_LITERALS = (
    "nan", "inf", "-inf", "5e0", "1979-05-27", "{}", "[[1]]", "[1.5]", '""', '"?"', '"1e3"', '"0,05"', '"true"',
    '"1 000"', "0xffffffffffffffffffffffff", '"5%"',
)  # fmt: skip


@every_setting
def test_a_value_that_cannot_be_read_is_refused_by_name_from_the_environment(setting, refused):
    for text in UNREADABLE_TEXTS:
        (problem,) = refused("", environment(setting, text))
        assert (problem.where, problem.setting) == (f"env {setting.environment}", setting.environment)


@every_setting
def test_a_value_that_cannot_be_read_is_refused_by_name_and_line_from_the_file(setting, refused, tmp_path):
    line = 2 if "." in setting.key else 1
    for literal in UNREADABLE_LITERALS:
        (problem,) = refused(toml_of(setting.key, literal))
        assert (problem.where, problem.setting) == (f"{tmp_path / 'readytrader.toml'}:{line}", setting.key)


def misspellings(name: str) -> list[str]:
    middle = len(name) // 2
    swapped = name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :]
    return [name[:-1], name[1:], name + name[-1], name[:middle] + name[middle + 1 :], swapped]


@every_setting
def test_a_misspelt_key_of_the_file_is_named_with_the_right_one(setting, refused):
    section, _, name = setting.key.rpartition(".")
    known = {one.key.rpartition(".")[2] for one in (*SETTINGS, *FAMILIES)}
    for wrong in misspellings(name):
        if wrong in known or len(name) < 5:
            continue
        written = f"{section}.{wrong}" if section else wrong
        (problem,) = refused(toml_of(written, "1"))
        suggested = problem.text.removeprefix("unknown setting; did you mean ").removesuffix("?")
        assert edits(written, suggested) <= edits(written, setting.key)


@every_setting
def test_a_misspelt_variable_is_named_with_the_right_one(setting, refused):
    for wrong in misspellings(setting.environment):
        if wrong == setting.environment:
            continue
        problems = refused("", {wrong: "1"})
        assert [one.where for one in problems] == [f"env {wrong}"]
        assert "did you mean" in problems[0].text or "base asset" in problems[0].text


def test_names_are_unique_and_variables_do_not_fall_into_a_family():
    assert len(BY_KEY) == len(SETTINGS)
    assert len({setting.environment for setting in SETTINGS}) == len(SETTINGS)
    assert {family.key.rpartition(".")[0] for family in FAMILIES} <= {key.rpartition(".")[0] for key in BY_KEY}


ALTERNATIVES = {
    "trading_halted": ("true", lambda c: c.trading_halted, True),
    "execution_mode": ("cex", lambda c: c.execution_mode, ExecutionMode.CEX),
    "risk_profile": ("moderate", lambda c: c.risk_profile, RiskProfile.MODERATE),
    "approval.mode": ("approve_each", lambda c: c.limits.approval_mode, ApprovalMode.APPROVE_EACH),
    "approval.notional_min": ("77.5", lambda c: c.limits.approval_notional_min, Decimal("77.5")),
    "approval.first_symbol": ("true", lambda c: c.limits.approval_first_symbol, True),
    "approval.first_orders": ("3", lambda c: c.limits.approval_first_orders, 3),
    "approval.people_min": ("2", lambda c: c.limits.approval_people_min, 2),
    "limits.loosening_delay_sec": ("60", lambda c: c.limits.loosening_delay, timedelta(seconds=60)),
    "approval.proposal_ttl_sec": ("60", lambda c: c.limits.proposal_ttl, timedelta(seconds=60)),
    "approval.permit_ttl_sec": ("7", lambda c: c.limits.permit_ttl, timedelta(seconds=7)),
    "allow.exchanges": ("kraken", lambda c: c.limits.allow_exchanges, {"kraken"}),
    "allow.symbols": ("BTC/USDT, ETH/USDT", lambda c: c.limits.allow_symbols, {"BTC/USDT", "ETH/USDT"}),
    "allow.market_types": ("none", lambda c: c.limits.allow_market_types, frozenset[MarketType]()),
    "allow.tokens": ("BTC,USDT", lambda c: c.limits.allow_tokens, {"BTC", "USDT"}),
    "allow.chains": ("base", lambda c: c.limits.allow_chains, {"base"}),
    "allow.to_addresses": ("0x" + "Ab" * 20, lambda c: c.limits.allow_to_addresses, {"0x" + "ab" * 20}),
    "limits.accounting_asset": ("USDC", lambda c: c.limits.accounting_asset, "USDC"),
    "limits.cash_assets": ("USDT,DAI", lambda c: c.limits.cash_assets, {"USDT", "DAI"}),
    "limits.position_max_pct": ("4.5", lambda c: c.limits.position_max_pct, Decimal("4.5")),
    "limits.exposure_max_pct": ("44", lambda c: c.limits.exposure_max_pct, 44),
    "limits.daily_loss_max_pct": ("3", lambda c: c.limits.daily_loss_max_pct, 3),
    "limits.drawdown_max_pct": ("9", lambda c: c.limits.drawdown_max_pct, 9),
    "limits.nav_jump_max_pct": ("2", lambda c: c.limits.nav_jump_max_pct, 2),
    "limits.notional_order_max": ("1000", lambda c: c.limits.notional_order_max, 1000),
    "limits.notional_cex_order_max": ("900", lambda c: c.limits.notional_cex_order_max, 900),
    "limits.transfer_native_max": ("0.1", lambda c: c.limits.transfer_native_max, Decimal("0.1")),
    "limits.collar_hard_pct": ("1.5", lambda c: c.limits.collar_hard_pct, Decimal("1.5")),
    "limits.collar_soft_pct": ("1", lambda c: c.limits.collar_soft_pct, 1),
    "limits.slippage_max_pct": ("0.5", lambda c: c.limits.slippage_max_pct, Decimal("0.5")),
    "limits.spread_max_pct": ("0.7", lambda c: c.limits.spread_max_pct, Decimal("0.7")),
    "limits.depth_max_pct": ("250", lambda c: c.limits.depth_max_pct, 250),
    "limits.fee_max_pct": ("0.15", lambda c: c.limits.fee_max_pct, Decimal("0.15")),
    "limits.open_orders_max": ("8", lambda c: c.limits.open_orders_max, 8),
    "limits.open_notional_max_pct": ("22", lambda c: c.limits.open_notional_max_pct, 22),
    "limits.turnover_max_pct": ("66", lambda c: c.limits.turnover_max_pct, 66),
    "limits.turnover_window_sec": ("3600", lambda c: c.limits.turnover_window, timedelta(hours=1)),
    "limits.duplicate_window_sec": ("12", lambda c: c.limits.duplicate_window, timedelta(seconds=12)),
    "limits.repeated_orders_max": ("4", lambda c: c.limits.repeated_orders_max, 4),
    "limits.repeated_window_sec": ("61", lambda c: c.limits.repeated_window, timedelta(seconds=61)),
    "limits.rejects_max": ("6", lambda c: c.limits.rejects_max, 6),
    "limits.rejects_window_sec": ("62", lambda c: c.limits.rejects_window, timedelta(seconds=62)),
    "limits.drift_max_pct": ("0.05", lambda c: c.limits.drift_max_pct, Decimal("0.05")),
    "limits.foreign_orders_max": ("2", lambda c: c.limits.foreign_orders_max, 2),
    "limits.data_loss_max_sec": ("20", lambda c: c.limits.data_loss_max, timedelta(seconds=20)),
    "rate_limits.default_per_min": ("33", lambda c: c.rate_limits.default_per_min, 33),
    "rate_limits.execution_per_min": ("5", lambda c: c.rate_limits.execution_per_min, 5),
    "marketdata.max_age_ms": ("1500", lambda c: c.limits.quote_age_max, timedelta(milliseconds=1500)),
    "marketdata.sources_min": None,
    "marketdata.clock_skew_max_ms": ("250", lambda c: c.limits.clock_skew_max, timedelta(milliseconds=250)),
    "marketdata.outlier_max_pct": ("15", lambda c: c.market_data.outlier_max_pct, 15),
    "marketdata.outlier_window_ms": ("5000", lambda c: c.market_data.outlier_window, timedelta(seconds=5)),
    "marketdata.agree_max_pct": ("0.5", lambda c: c.market_data.agree_max_pct, Decimal("0.5")),
    "sentiment.source": ("sample", lambda c: c.sentiment_source, "sample"),
    "sentiment.min": None,
    "sentiment.max_age_sec": ("60", lambda c: c.limits.sentiment_age_max, timedelta(minutes=1)),
    "paper.maker_fee_pct": ("0", lambda c: c.paper.maker_fee_pct, 0),
    "paper.taker_fee_pct": ("0.05", lambda c: c.paper.taker_fee_pct, Decimal("0.05")),
    "paper.latency_ms": ("20", lambda c: c.paper.latency, timedelta(milliseconds=20)),
    "paper.fill_share_max_pct": ("50", lambda c: c.paper.fill_share_max_pct, 50),
    "agent.http_host": ("::1", lambda c: c.agent_listener.host, "::1"),
    "watchdog.after_sec": ("15", lambda c: c.watchdog_after, timedelta(seconds=15)),
    "reports.equity_every_sec": ("60", lambda c: c.equity_every, timedelta(seconds=60)),
    "notices.daily_summary": ("true", lambda c: c.daily_summary, True),
    "tools.insights": ("true", lambda c: c.insight_tools, True),
    "live_trading_enabled": ("true", lambda c: c.live_trading_enabled, True),
    "plugins.cage_required": (
        "seccomp,landlock_tcp",
        lambda c: c.cage_required,
        {Measure.SECCOMP, Measure.LANDLOCK_TCP},
    ),
    "log.format": ("json", lambda c: c.log.form, LogForm.JSON),
    "log.level": ("warning", lambda c: c.log.level, LogLevel.WARNING),
    "otel.enabled": ("true", lambda c: c.tracing.enabled, True),
    "otel.service_name": ("desk-1", lambda c: c.tracing.service_name, "desk-1"),
    "otel.endpoint": ("http://127.0.0.1:9999", lambda c: c.tracing.endpoint, "http://127.0.0.1:9999"),
    "otel.hosts": ("otel.example:443", lambda c: c.tracing.hosts, {"otel.example:443"}),
    "agent.http_port": ("8200", lambda c: c.agent_listener.port, 8200),
    "operator_http.metrics_open": ("true", lambda c: c.operator_listener.metrics_open, True),
    "operator_http.enabled": ("false", lambda c: c.operator_listener.enabled, False),
    "operator_http.host": ("::1", lambda c: c.operator_listener.host, "::1"),
    "operator_http.port": ("8300", lambda c: c.operator_listener.port, 8300),
    "operator_http.session_hours": ("2", lambda c: c.operator_listener.session_max, timedelta(hours=2)),
    "operator_http.calls_per_min": ("60", lambda c: c.operator_listener.calls_per_min, 60),
}
"""For each setting another value, where it must arrive, and as what. None: needs a second setting, tested below."""


def test_every_setting_has_an_alternative_here():
    assert set(ALTERNATIVES) | LIVE_ONLY == set(BY_KEY)


@pytest.mark.parametrize("key", [key for key, alternative in ALTERNATIVES.items() if alternative is not None])
def test_a_setting_arrives_where_it_is_read(key, loaded, tmp_path):
    text, read, expected = ALTERNATIVES[key]
    setting = BY_KEY[key]
    by_environment = load(None, environment(setting, text))
    written = toml_of(key, setting.form.literal(setting.form.parse(EnvironmentText(text))))
    if setting.environment in TRACING_NAMES:
        written += "enabled = true\n"
    by_file = loaded(written)
    assert read(by_environment) == expected
    assert read(by_file) == expected
    assert read(load(None, {})) != expected
    assert by_environment.digest == by_file.digest != load(None, {}).digest
    line = 2 if "." in key else 1
    assert str(by_file.origins[key]) == f"{Path(tmp_path) / 'readytrader.toml'}:{line}"
    assert str(by_environment.origins[key]) == f"env {setting.environment}"


def test_a_quorum_and_a_sentiment_minimum_arrive_with_the_sources_that_they_need(loaded):
    toml = '[[source]]\nname = "a"\nplugin = "sample"\n[[source]]\nname = "b"\nplugin = "sample"\npriority = 0\n'
    configuration = loaded(
        '[marketdata]\nsources_min = 2\n[sentiment]\nsource = "b"\nmin = -0.25\n' + toml,
    )
    assert configuration.limits.quote_sources_min == 2
    assert configuration.limits.sentiment_min == Decimal("-0.25")
    assert [(one.name, one.priority) for one in configuration.sources] == [("a", 2), ("b", 0)]


def test_families_take_members_from_the_file_and_the_environment(loaded):
    toml = "[limits.quantity_order_max]\nBTC = 0.5\n[rate_limits.tool_per_min]\nplace_cex_order = 3\n"
    environ = {
        "MAX_TRADE_AMOUNT_BTC": "0.25",
        "MAX_TRADE_AMOUNT_SOL": "100",
        "RATE_LIMIT_GET_CRYPTO_PRICE_PER_MIN": "60",
        "MARKETDATA_MAX_AGE_MS_SAMPLE": "5000",
    }
    configuration = loaded(toml, environ)
    assert configuration.limits.quantity_order_max == {"BTC": Decimal("0.25"), "SOL": 100}
    assert configuration.rate_limits.tool_per_min == {"place_cex_order": 3, "get_crypto_price": 60}
    assert configuration.market_data.source_age_max == {"sample": timedelta(seconds=5)}


BOUNDS = [
    ("limits.position_max_pct", "100", "100.000000000000000001"),
    ("limits.position_max_pct", "0.000000000000000001", "0"),
    ("limits.notional_order_max", "0.01", "0"),
    ("limits.notional_order_max", "999999999999999999", "1000000000000000000"),
    ("limits.collar_hard_pct", "50", "50.1"),
    ("rate_limits.execution_per_min", "1", "0"),
    ("marketdata.max_age_ms", "100", "99"),
    ("marketdata.max_age_ms", "3600000", "3600001"),
    ("approval.permit_ttl_sec", "60", "61"),
    ("agent.http_port", "65535", "65536"),
    ("agent.http_host", "127.255.255.254", "128.0.0.1"),
    ("agent.http_host", "::1", "::"),
    ("agent.http_host", "127.0.0.1", "0.0.0.0"),
    ("agent.http_host", "127.0.0.1", "localhost"),
    ("operator_http.host", "127.0.0.1", "0.0.0.0"),
    ("operator_http.session_hours", "168", "169"),
    ("paper.latency_ms", "0", "-1"),
    ("limits.foreign_orders_max", "0", "-1"),
    ("limits.data_loss_max_sec", "1", "0"),
    ("watchdog.after_sec", "5", "4"),
    ("reports.equity_every_sec", "10", "9"),
    ("reports.equity_every_sec", "86400", "86401"),
    ("watchdog.after_sec", "3600", "3601"),
    ("allow.to_addresses", "0x" + "a" * 40, "0x" + "a" * 39),
]


@pytest.mark.parametrize(("key", "inside", "outside"), BOUNDS, ids=lambda value: value[:30])
def test_a_value_at_its_bound_is_taken_and_one_step_beyond_is_refused(key, inside, outside, refused):
    variable = BY_KEY[key].environment
    load(None, {variable: inside})
    (problem,) = refused("", {variable: outside})
    assert problem.setting == variable
    assert "expected" in problem.text
