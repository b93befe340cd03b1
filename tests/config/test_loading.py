"""Loading: precedence, origins, digests, and every problem at once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.instruments import MarketType

from appliance.config import ConfigurationError, Source, load
from appliance.domain.limits import ApprovalMode
from appliance.domain.snapshot import Mode


def test_without_a_file_and_an_environment_the_defaults_are_paper_and_conservative():
    configuration = load(None, {})
    limits = configuration.limits
    assert configuration.mode is Mode.PAPER
    assert not configuration.live_trading_enabled
    assert (limits.position_max_pct, limits.daily_loss_max_pct, limits.drawdown_max_pct) == (5, 5, 10)
    assert limits.approval_mode is ApprovalMode.AUTO
    assert limits.proposal_ttl == timedelta(seconds=120)
    assert limits.slippage_max_pct == 1
    assert limits.quote_age_max == timedelta(seconds=30)
    assert (configuration.rate_limits.default_per_min, configuration.rate_limits.execution_per_min) == (120, 20)
    assert limits.allow_market_types == {MarketType.SPOT}
    assert limits.allow_to_addresses == frozenset()
    assert limits.transfer_native_max is None
    assert [one.symbol for one in configuration.instruments] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    assert configuration.sources == (Source(name="sample", plugin="sample", priority=2, settings={}),)
    assert (configuration.agent_listener.host, configuration.agent_listener.port) == ("127.0.0.1", 8100)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("conservative", ("5", "5", "10", "-0.5")),
        ("moderate", ("10", "10", "20", "-0.7")),
        ("aggressive", ("25", "20", "40", "-0.9")),
    ],
)
def test_a_risk_profile_sets_the_limits_that_its_name_stands_for(loaded, profile, expected):
    limits = loaded('[sentiment]\nsource = "sample"\n', {"RISK_PROFILE": profile}).limits
    found = (limits.position_max_pct, limits.daily_loss_max_pct, limits.drawdown_max_pct, limits.sentiment_min)
    assert found == tuple(Decimal(text) for text in expected)


def test_the_falling_knife_rule_is_off_where_no_source_has_a_score():
    assert load(None, {}).limits.sentiment_min is None


def test_the_environment_goes_before_the_file_and_the_file_before_the_profile(loaded):
    toml = 'risk_profile = "aggressive"\n[limits]\nposition_max_pct = 7\ndrawdown_max_pct = 8\n'
    limits = loaded(toml, {"READYTRADER_LIMITS_POSITION_MAX_PCT": "6.5"}).limits
    assert (limits.position_max_pct, limits.drawdown_max_pct) == (Decimal("6.5"), 8)
    assert limits.daily_loss_max_pct == 20


def test_the_environment_tightens_and_loosens_a_profile_alike(loaded):
    assert loaded('risk_profile = "aggressive"\n', {"RISK_PROFILE": "conservative"}).limits.position_max_pct == 5


def test_every_value_says_where_it_came_from(loaded, tmp_path):
    toml = '# first\nrisk_profile = "moderate"\n\n[limits]\nfee_max_pct = 0.3\n[limits.quantity_order_max]\nBTC = 0.5\n'
    origins = loaded(toml, {"MAX_TRADE_AMOUNT": "1000", "MAX_TRADE_AMOUNT_ETH": "3"}).origins
    file = tmp_path / "readytrader.toml"
    assert {key: str(origins[key]) for key in origins if str(origins[key]) not in ("default", "profile moderate")} == {
        "risk_profile": f"{file}:2",
        "limits.fee_max_pct": f"{file}:5",
        "limits.quantity_order_max.BTC": f"{file}:7",
        "limits.quantity_order_max.ETH": "env MAX_TRADE_AMOUNT_ETH",
        "limits.notional_order_max": "env MAX_TRADE_AMOUNT",
    }
    assert str(origins["limits.position_max_pct"]) == "profile moderate"
    assert str(origins["limits.slippage_max_pct"]) == "default"
    assert str(origins["source.sample"]) == "default"
    assert str(origins["instrument.BTC/USDT"]) == "default"


def test_the_digest_is_that_of_the_decisions_and_not_of_how_they_are_written(loaded):
    plain = loaded("").digest
    assert loaded("# nothing but words\n\n[limits]\nposition_max_pct = 5.00\n").digest == plain
    assert loaded("", {"READYTRADER_LIMITS_POSITION_MAX_PCT": "5"}).digest == plain
    assert loaded("[limits]\nposition_max_pct = 5.01\n").digest != plain
    assert loaded('[allow]\ntokens = ["BTC", "USDT"]\n').digest == loaded('[allow]\ntokens = ["USDT", "BTC"]\n').digest


def test_all_problems_are_told_at_once_each_with_its_place(refused, tmp_path):
    toml = """papermode = true
[limits]
position_max_pct = "0,05"
drawdown_max_pct = 101

[[source]]
name = "a"
"""
    file = tmp_path / "readytrader.toml"
    problems = refused(toml, {"EXECUTION_APPROVAL_MODE": "ask", "PRIVATE_KEY": "0xabc", "MAX_TRADE_AMOUT": "5"})
    assert [(one.where, one.setting) for one in problems] == [
        (f"{file}:1", "papermode"),
        (f"{file}:3", "limits.position_max_pct"),
        (f"{file}:4", "limits.drawdown_max_pct"),
        ("env EXECUTION_APPROVAL_MODE", "EXECUTION_APPROVAL_MODE"),
        ("env MAX_TRADE_AMOUT", "MAX_TRADE_AMOUT"),
        ("env PRIVATE_KEY", "PRIVATE_KEY"),
        (f"{file}:6", "source.plugin"),
    ]


def test_a_wrong_value_in_the_file_is_told_even_where_the_environment_has_a_right_one(refused):
    (problem,) = refused("[limits]\nposition_max_pct = true\n", {"READYTRADER_LIMITS_POSITION_MAX_PCT": "5"})
    assert problem.setting == "limits.position_max_pct"


def test_a_file_that_was_asked_for_and_is_missing_is_a_problem(tmp_path):
    with pytest.raises(ConfigurationError) as refusal:
        load(tmp_path / "absent.toml", {})
    assert "No such file" in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a = \xff", "not UTF-8"),
        (b"a = ", "not TOML"),
        (b"a = 1\na = 2\n", "not TOML"),
        (b"a = " + b"[" * 5_000, "not TOML"),
        (b"a = " + b"9" * 5_000, "not TOML"),
        (b"#" * 1_000_001, "larger than"),
    ],
    ids=["not-utf-8", "no-value", "key-twice", "nested-too-deep", "number-too-long", "too-large"],
)
def test_what_is_not_a_toml_file_is_refused(tmp_path, content, text):
    path = tmp_path / "readytrader.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=text):
        load(path, {})


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(tmp_path, {})


def test_loading_writes_nothing(tmp_path):
    path = tmp_path / "readytrader.toml"
    path.write_text("paper_mode = true\n")
    before = {one: one.stat() for one in tmp_path.iterdir()}
    load(path, {})
    after = {one: one.stat() for one in tmp_path.iterdir()}
    assert [(one, stat.st_mtime_ns, stat.st_size) for one, stat in before.items()] == [
        (one, stat.st_mtime_ns, stat.st_size) for one, stat in after.items()
    ]


def test_line_numbers_hold_with_carriage_returns(refused, tmp_path):
    path: Path = tmp_path / "readytrader.toml"
    path.write_bytes(b"# one\r\n# two\r\npapermode = true\r\n")
    with pytest.raises(ConfigurationError) as refusal:
        load(path, {})
    assert refusal.value.problems[0].where == f"{path}:3"
