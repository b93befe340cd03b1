"""Ways in which configurations of other agent-trading servers failed open: each one refused here."""

from __future__ import annotations

import pytest
from readytrader_sdk.money import ZERO

from appliance.config import load
from appliance.config.settings import SETTINGS
from appliance.domain.snapshot import Mode


def test_bypass_8_a_cap_for_all_is_in_the_accounting_asset_and_a_cap_for_one_names_it(loaded):
    limits = loaded("", {"MAX_TRADE_AMOUNT": "500", "MAX_TRADE_AMOUNT_BTC": "0.01"}).limits
    assert limits.notional_order_max == 500
    assert limits.accounting_asset == "USDT"
    assert set(limits.quantity_order_max) == {"BTC"}


@pytest.mark.parametrize(
    "name", ["0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "0xdac17f958d2ee523a2206206994597c13d831ec7"]
)
def test_bypass_8_a_cap_by_contract_address_is_refused(refused, name):
    (problem,) = refused("", {f"MAX_TRADE_AMOUNT_{name}": "5"})
    assert "an asset's code in capitals" in problem.text


def test_bypass_8_a_cap_for_a_misspelt_asset_is_refused(refused):
    (problem,) = refused("", {"MAX_TRADE_AMOUNT_BCT": "5"})
    assert problem.text == "unknown base asset; did you mean BTC?"


@pytest.mark.parametrize("text", ["0,05", "5%", "1e3", "ten", "", "NaN", "Infinity", "-1", "0", "1_000", "１００"])
@pytest.mark.parametrize(
    "variable", ["MAX_TRADE_AMOUNT", "MAX_TRADE_AMOUNT_BTC", "MAX_CEX_ORDER_AMOUNT", "MAX_TRANSFER_NATIVE"]
)
def test_bypass_9_a_malformed_number_never_means_no_limit(refused, variable, text):
    (problem,) = refused("", {variable: text})
    assert problem.setting == variable


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *(("PAPER_MODE", text) for text in ("False", "FALSE", "0", "no", "off", "flase", "", "live", "2", "t")),
        *(("LIVE_TRADING_ENABLED", text) for text in ("True", "1", "yes", "on", "", "enabled")),
        *(("TRADING_HALTED", text) for text in ("True", "1", "yes", "", "halted")),
        *(("EXECUTION_APPROVAL_MODE", text) for text in ("approve-each", "manual", "AUTO", "", "none")),
        *(("EXECUTION_MODE", text) for text in ("live", "CEX", "", "paper")),
        *(("RISK_PROFILE", text) for text in ("none", "Conservative", "", "yolo")),
    ],
)
def test_bypass_10_an_unrecognised_value_of_a_mode_setting_refuses_to_start(refused, variable, text):
    (problem,) = refused("", {variable: text})
    assert problem.setting == variable


@pytest.mark.parametrize(
    "environ",
    [
        {"EXECUTION_MODE": "dex"},
        {"EXECUTION_MODE": "hybrid"},
    ],
    ids=str,
)
def test_bypass_10_what_this_version_cannot_do_is_refused_and_said(refused, environ):
    problems = refused("", environ)
    for variable in environ:
        key = next(setting.key for setting in SETTINGS if setting.environment == variable)
        assert any(one.setting in (variable, key) and "not supported" in one.text for one in problems)


def test_bypass_18_without_a_policy_there_are_limits_and_nothing_leaves():
    configuration = load(None, {})
    limits = configuration.limits
    assert configuration.mode is Mode.PAPER
    percentages = [
        limits.position_max_pct, limits.exposure_max_pct, limits.daily_loss_max_pct, limits.drawdown_max_pct,
        limits.collar_hard_pct, limits.slippage_max_pct, limits.spread_max_pct, limits.fee_max_pct,
        limits.open_notional_max_pct, limits.turnover_max_pct,
    ]  # fmt: skip
    assert all(ZERO < percentage <= 100 for percentage in percentages)
    assert limits.transfer_native_max is None
    assert limits.allow_to_addresses == frozenset()


def test_bypass_18_live_trading_without_a_policy_is_refused_naming_what_is_missing(refused):
    problems = refused("", {"PAPER_MODE": "false", "LIVE_TRADING_ENABLED": "true", "ALLOW_TOKENS": "BTC"})
    missing = {one.setting for one in problems if one.text == "must be set for live trading"}
    assert missing == {
        "allow.exchanges", "allow.symbols", "allow.chains",
        "limits.notional_order_max", "limits.notional_cex_order_max",
    }  # fmt: skip


def test_bypass_18_an_empty_list_allows_nothing_and_an_empty_variable_is_refused(loaded, refused):
    assert loaded("[allow]\nsymbols = []\n").limits.allow_symbols == frozenset()
    assert loaded("", {"ALLOW_CEX_SYMBOLS": "none"}).limits.allow_symbols == frozenset()
    (problem,) = refused("", {"ALLOW_CEX_SYMBOLS": ""})
    assert problem.setting == "ALLOW_CEX_SYMBOLS"


def test_a_list_that_names_the_same_twice_is_refused(refused):
    (problem,) = refused('[allow]\ntokens = ["BTC", "ETH", "BTC"]\n')
    assert problem.text == "BTC is listed twice"


INSTRUMENT = {
    "symbol": '"BTC/USDT"',
    "price_increment": "0.01",
    "quantity_increment": "0.001",
    "quantity_min": "0.001",
    "notional_min": "5",
}


@pytest.mark.parametrize("missing", INSTRUMENT)
def test_bypass_19_an_instrument_with_a_missing_fact_is_refused(refused, missing):
    lines = [f"{name} = {value}" for name, value in INSTRUMENT.items() if name != missing]
    (problem,) = refused("\n".join(["[[instrument]]", *lines]))
    assert (problem.setting, problem.text) == (f"instrument.{missing}", "is missing")


@pytest.mark.parametrize("missing", ["name", "plugin"])
def test_bypass_19_a_source_with_a_missing_fact_is_not_replaced_by_the_sample(refused, missing):
    lines = [f'{name} = "x"' for name in ("name", "plugin") if name != missing]
    (problem,) = refused("\n".join(["[[source]]", *lines]))
    assert (problem.setting, problem.text) == (f"source.{missing}", "is missing")


@pytest.mark.parametrize("toml", ["source = []", "instrument = []", "source = 5", 'instrument = ["BTC/USDT"]'])
def test_bypass_19_an_array_that_holds_nothing_is_not_replaced_by_defaults(refused, toml):
    (problem,) = refused(toml)
    assert "tables" in problem.text
