"""Real money: what a configuration needs before it is taken, each need with what just has it and what just lacks it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from appliance.domain.key_risk import KeyRisk
from appliance.domain.snapshot import Mode

PUBLISHER = "ed25519:" + "A" * 43 + "="
PARTS = {
    "mode": "paper_mode = false\nlive_trading_enabled = true\n",
    "allow": "[allow]\n",
    "exchanges": 'exchanges = ["kraken"]\n',
    "symbols": 'symbols = ["BTC/USDT"]\n',
    "types": 'market_types = ["spot"]\n',
    "tokens": 'tokens = ["BTC", "USDT"]\n',
    "chains": "chains = []\n",
    "limits": "[limits]\n",
    "order": "notional_order_max = 500\n",
    "cex": "notional_cex_order_max = 500\n",
    "source": '[[source]]\nname = "prices"\nplugin = "acme"\n',
    "exchange": '[[exchange]]\nname = "kraken"\nplugin = "acme"\nlive = true\n',
    "plugin": f"""\
[[plugin]]
name = "acme"
wheel = "acme-1.0-py3-none-any.whl"
version = "1.0"
sha256 = "{"ab" * 32}"
publisher = "{PUBLISHER}"
kinds = ["exchange", "data_source"]
""",
}
"""The smallest configuration that trades real money, part by part."""


def toml(without: str = "", **other: str) -> str:
    """All parts, in order, but one, or with another in its place."""
    return "".join(other.get(name, text) for name, text in PARTS.items() if name != without)


def test_the_smallest_live_configuration_is_taken(loaded):
    configuration = loaded(toml())
    assert configuration.mode is Mode.LIVE
    (exchange,) = configuration.live_exchanges
    assert (exchange.venue, exchange.cancel_after) == ("kraken", timedelta(seconds=60))


@pytest.mark.parametrize(
    ("part", "setting"),
    [
        ("exchanges", "allow.exchanges"),
        ("symbols", "allow.symbols"),
        ("tokens", "allow.tokens"),
        ("chains", "allow.chains"),
        ("order", "limits.notional_order_max"),
        ("cex", "limits.notional_cex_order_max"),
    ],
)
def test_without_an_allowlist_or_a_cap_real_money_is_refused_by_its_name(refused, part, setting):
    (problem,) = refused(toml(part))
    assert (problem.setting, problem.text) == (setting, "must be set for live trading")


@pytest.mark.parametrize(
    ("other", "setting", "text"),
    [
        ({"exchange": PARTS["exchange"].replace("live = true\n", "")}, "paper_mode", "needs an [[exchange]]"),
        ({"exchange": ""}, "paper_mode", "needs an [[exchange]]"),
        ({"source": PARTS["source"].replace("acme", "sample")}, "source.plugin", "sample is no market's price of now"),
        ({"source": PARTS["source"].replace("acme", "replay")}, "source.plugin", "replay is no market's price of now"),
        ({"source": ""}, "source.plugin", "sample is no market's price of now"),
        ({"types": 'market_types = ["spot", "swap"]\n'}, "allow.market_types", "spot only"),
        ({"types": 'market_types = "any"\n'}, "allow.market_types", "must be set"),
        ({"types": "market_types = []\n"}, "allow.market_types", "spot alone"),
    ],
)
def test_what_real_money_must_not_meet_is_refused(refused, other, setting, text):
    (problem,) = refused(toml(**other))
    assert problem.setting == setting
    assert text in problem.text


def test_on_paper_none_of_it_is_needed(loaded):
    configuration = loaded(PARTS["exchange"] + PARTS["plugin"])
    assert configuration.mode is Mode.PAPER
    assert configuration.live_exchanges, "it may say already where real orders will go"


def test_the_second_switch_alone_is_no_first(loaded):
    assert loaded("live_trading_enabled = true\n").mode is Mode.PAPER
    assert not loaded(toml(mode="paper_mode = false\n")).live_trading_enabled


def test_a_risk_of_a_key_is_taken_by_somebody(loaded, refused):
    taken = 'key_risks_accepted = ["withdraw"]\nkey_risks_accepted_by = "ann: no other key to be had"\n'
    (exchange,) = loaded(toml(exchange=PARTS["exchange"] + taken)).live_exchanges
    assert exchange.key_risks_accepted == {KeyRisk.WITHDRAW}
    for half in taken.splitlines(keepends=True):
        (problem,) = refused(toml(exchange=PARTS["exchange"] + half))
        assert "belong together" in problem.text
    (problem,) = refused(toml(exchange=PARTS["exchange"] + taken.replace("withdraw", "everything")))
    assert "everything" in problem.text


@pytest.mark.parametrize(("inside", "outside"), [("0", "-1"), ("3600", "3601")])
def test_the_dead_mans_switch_waits_between_nothing_and_an_hour(loaded, refused, inside, outside):
    (exchange,) = loaded(toml(exchange=PARTS["exchange"] + f"cancel_after_sec = {inside}\n")).live_exchanges
    assert exchange.cancel_after == (timedelta(seconds=int(inside)) or None)
    (problem,) = refused(toml(exchange=PARTS["exchange"] + f"cancel_after_sec = {outside}\n"))
    assert problem.setting == "exchange.cancel_after_sec"
