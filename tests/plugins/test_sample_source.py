"""The made-up market."""

from __future__ import annotations

from datetime import timedelta

import pytest
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.market import Candle, Quote
from readytrader_sdk.money import is_multiple
from readytrader_sdk.ports import DataSourcePort, PaperOnly

from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.values import BusSettings, Priority, SourceInfo, Verdict
from builtin_plugins.sample_source.walk import SampleSource
from tests.plugins.playing import NOW, SleepClock, context, play


def sample(**settings: str) -> SampleSource:
    clock = SleepClock()
    return SampleSource(context(**settings), clock=clock, sleep=clock.sleep)


def test_it_says_that_its_prices_are_made_up() -> None:
    assert isinstance(sample(), DataSourcePort)
    assert isinstance(sample(), PaperOnly)
    assert sample().paper_only == "sample"


def test_the_same_seed_makes_the_same_market_and_another_seed_another() -> None:
    first, again, other = (play(sample(seed=seed).stream(), 6000) for seed in ("7", "7", "8"))
    assert first == again
    assert first != other


def test_history_is_closed_minutes_up_to_now_and_then_a_quote_comes_every_second() -> None:
    ticks = play(sample(symbols="BTC/USDT", history_minutes="3").stream(), 50)
    minutes = [tick.opened_at for tick in ticks[:3] if isinstance(tick, Candle)]
    this_minute = NOW.replace(second=0)
    assert minutes == [this_minute - timedelta(minutes=back) for back in (3, 2, 1)]
    quotes = [tick.observed_at for tick in ticks if isinstance(tick, Quote)]
    assert quotes == [NOW + timedelta(seconds=second) for second in range(46)]
    (closed,) = [tick for tick in ticks[3:] if isinstance(tick, Candle)]
    assert closed.opened_at == this_minute


def test_everything_that_it_makes_is_believed_by_the_bus_and_fits_the_increments() -> None:
    source = sample(history_minutes="120")
    instruments = {instrument.symbol: instrument for instrument in source.instruments()}
    bus = MarketDataBus(BusSettings(), instruments.values())
    bus.register(SourceInfo(name="sample", priority=Priority.STREAM, admissible=True))
    for tick in play(source.stream(), 5000):
        received_at = tick.observed_at if isinstance(tick, Quote) else NOW + timedelta(days=1)
        assert bus.publish("sample", tick, received_at) is Verdict.ACCEPTED
        if isinstance(tick, Quote):
            assert tick.bid < tick.ask
            assert is_multiple(tick.bid, instruments[tick.symbol].price_increment)
            assert is_multiple(tick.bid_size or tick.bid, instruments[tick.symbol].quantity_increment)


def test_hours_of_quotes_stay_in_a_believable_range() -> None:
    ticks = play(sample(symbols="SOL/USDT", history_minutes="0").stream(), 20_000)
    mids = [tick.bid for tick in ticks if isinstance(tick, Quote)]
    assert 100 < min(mids) < max(mids) < 225


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("symbols", "DOGE/USDT", "symbols: expected some of BTC/USDT, ETH/USDT, SOL/USDT, got 'DOGE/USDT'"),
        ("seed", "-1", "seed: expected a whole number"),
        ("seed", "9" * 30, "seed: expected a whole number"),
        ("history_minutes", "10001", "history_minutes: expected a whole number up to 10000, got '10001'"),
        ("sed", "1", "unknown setting 'sed'"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, value: str, complaint: str) -> None:
    with pytest.raises(Misconfigured, match=f"source: {complaint}"):
        sample(**{setting: value})


def test_history_may_be_as_long_as_the_limit() -> None:
    ticks = play(sample(symbols="BTC/USDT", history_minutes="10000").stream(), 10_001)
    assert sum(isinstance(tick, Candle) for tick in ticks) == 10_000
