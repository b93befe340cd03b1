"""`[[source]]`, `[[instrument]]`, and settings that contradict each other."""

from __future__ import annotations

from decimal import Decimal

import pytest
from readytrader_sdk.instruments import Instrument

SOURCE = '[[source]]\nname = "{}"\nplugin = "sample"\n'
INSTRUMENT = (
    '[[instrument]]\nsymbol = "{}"\nprice_increment = 0.5\nquantity_increment = 0.001\n'
    "quantity_min = 0.002\nnotional_min = 10\n"
)


def test_an_instrument_is_read_exactly(loaded):
    (instrument,) = loaded(INSTRUMENT.format("XMR/USDT")).instruments
    assert instrument == Instrument(
        symbol="XMR/USDT",
        base="XMR",
        quote="USDT",
        price_increment=Decimal("0.5"),
        quantity_increment=Decimal("0.001"),
        quantity_min=Decimal("0.002"),
        notional_min=Decimal(10),
    )


def test_a_source_is_read_with_its_settings_as_text(loaded):
    toml = SOURCE.format("a") + 'priority = 1\n[source.settings]\nspeed = "max"\nfactor = 2.50\nloop = true\nport = 7\n'
    (source,) = loaded(toml).sources
    assert (source.name, source.plugin, source.priority) == ("a", "sample", 1)
    assert source.settings == {"speed": "max", "factor": "2.50", "loop": "true", "port": "7"}


@pytest.mark.parametrize(
    ("toml", "where", "text"),
    [
        (SOURCE.format("a") + SOURCE.format("a"), 4, "a is already at"),
        (INSTRUMENT.format("BTC/USDT") * 2, 7, "BTC/USDT is already at"),
        (INSTRUMENT.format("BTC/BTC"), 1, "base and quote are both BTC"),
        (INSTRUMENT.format("BTC/USDT:USDT"), 2, "a spot symbol in capitals"),
        (INSTRUMENT.format("btc/usdt"), 2, "a spot symbol in capitals"),
        (INSTRUMENT.format("BTC/USDT").replace("0.002", "0.0025"), 1, "not a multiple"),
        (INSTRUMENT.format("BTC/USDT").replace("0.5", "0"), 3, "above 0"),
        (SOURCE.format("A"), 2, "lower-case"),
        (SOURCE.format("a") + "priority = 3\n", 4, "from 0 to 2"),
        (SOURCE.format("a") + "prioriti = 1\n", 4, "did you mean priority?"),
        (SOURCE.format("a") + "[source.settings]\nnested = {}\n", 4, "nested: expected text"),
        (INSTRUMENT.format("BTC/USDT") + "tick = 1\n", 7, "unknown setting"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(refused, tmp_path, toml, where, text):
    (problem,) = refused(toml)
    assert problem.where == f"{tmp_path / 'readytrader.toml'}:{where}"
    assert text in problem.text


@pytest.mark.parametrize(
    ("toml", "setting", "text"),
    [
        ("[limits]\ncollar_soft_pct = 2.01\n", "limits.collar_soft_pct", "2.01 is above limits.collar_hard_pct, 2"),
        ("[limits]\nfee_max_pct = 0.05\n", "limits.fee_max_pct", "0.1 is above limits.fee_max_pct, 0.05"),
        ("[paper]\nmaker_fee_pct = 0.21\n", "paper.maker_fee_pct", "0.21 is above limits.fee_max_pct, 0.2"),
        ('[limits]\naccounting_asset = "EUR"\n', "limits.accounting_asset", "EUR is not among limits.cash_assets"),
        ('[limits]\ncash_assets = ["EUR"]\n', "limits.cash_assets", "USDT is not among limits.cash_assets"),
        ("[marketdata]\nsources_min = 2\n", "marketdata.sources_min", "only 1 configured"),
        ('[sentiment]\nsource = "sampel"\n', "sampel", "unknown source; did you mean sample?"),
        ("[marketdata.source_max_age_ms]\nother = 500\n", "other", "unknown source"),
        ("[marketdata.source_max_age_ms]\nsample = 30001\n", "marketdata.source_max_age_ms.sample", "is above"),
        ("[limits.quantity_order_max]\nXMR = 1\n", "XMR", "unknown base asset"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(refused, toml, setting, text):
    problems = refused(toml)
    assert {one.setting for one in problems} == {setting}
    assert all(text in one.text for one in problems)


@pytest.mark.parametrize(
    "toml",
    [
        "[limits]\ncollar_soft_pct = 2\n",
        "[paper]\nmaker_fee_pct = 0.2\n",
        "[marketdata.source_max_age_ms]\nsample = 30000\n",
        "[marketdata]\nsources_min = 2\n" + SOURCE.format("a") + SOURCE.format("b"),
        '[limits.quantity_order_max]\nXMR = 1\n[allow]\ntokens = ["XMR", "USDT"]\n',
    ],
)
def test_settings_that_just_agree_are_taken(loaded, toml):
    loaded(toml)


def test_a_sentiment_minimum_without_a_source_is_refused(refused):
    (problem,) = refused("[sentiment]\nmin = -0.4\n")
    assert problem.text == "has no effect without sentiment.source"


def test_a_value_that_was_refused_on_its_own_is_not_held_against_others(refused):
    (problem,) = refused("[limits]\ncollar_hard_pct = true\ncollar_soft_pct = 30\n")
    assert problem.setting == "limits.collar_hard_pct"
    (problem,) = refused('[sentiment]\nsource = "b"\n[[source]]\nname = "B"\nplugin = "sample"\n')
    assert problem.setting == "source.name"


@pytest.mark.parametrize(
    ("toml", "suggestion"),
    [
        ("position_max_pct = 5\n", "limits.position_max_pct"),
        ("MAX_TRADE_AMOUNT = 5\n", "limits.notional_order_max"),
        ("[limit]\nposition_max_pct = 5\n", "limits"),
        ("[mode]\nx = 1\n", "None"),
        ("[[sources]]\nname = 1\n", "source"),
        ("[limits.quantity_order_maxx]\nBTC = 1\n", "limits.quantity_order_max"),
    ],
)
def test_a_key_in_the_wrong_place_is_named_with_the_right_place(refused, toml, suggestion):
    (problem,) = refused(toml)
    if suggestion != "None":
        assert problem.text == f"unknown setting; did you mean {suggestion}?"


@pytest.mark.parametrize("toml", ["limits = 5\n", "[limits]\nquantity_order_max = 5\n", "limits = [1]\n"])
def test_a_value_in_place_of_a_table_is_refused(refused, toml):
    (problem,) = refused(toml)
    assert problem.text == "expected a table"


def test_a_quoted_key_with_a_point_is_not_taken_for_a_path(refused):
    (problem,) = refused('"limits.position_max_pct" = 5\n')
    assert problem.text.startswith("unknown setting")
