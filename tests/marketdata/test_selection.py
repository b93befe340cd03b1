"""Which quote is in use, for whom; and what is handed on to whom."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from readytrader_sdk.instruments import Asset
from readytrader_sdk.market import Sentiment, Tick

from appliance.domain.intents import AgentId
from appliance.marketdata.bus import MarketDataBus
from appliance.marketdata.selection import freshness
from appliance.marketdata.values import BusSettings, ViewProblem
from tests.marketdata.building import (
    ANN,
    ANNS_FEED,
    BOB,
    BTC,
    BTC_PERP,
    BTC_USDT,
    MICROSECOND,
    REST,
    SECOND,
    START,
    STREAM,
    STREAM_2,
    UNTRUSTED,
    USDT,
    book,
    bus_of,
    candle,
    quote,
    spread,
    trade,
)

AGE_MAX = BusSettings().quote_age_max


def source_in_use(bus: MarketDataBus, seconds: int, agent: AgentId | None = None) -> str | None:
    return bus.view(BTC_USDT, START + seconds * SECOND, for_agent=agent, execution=True).source


def test_the_source_of_the_best_priority_is_in_use_and_the_others_agree() -> None:
    bus = bus_of(REST, STREAM)
    bus.publish("rest", quote("100.5"), START)
    bus.publish("stream", quote("100"), START)
    facts = bus.facts(BTC_USDT, START)
    assert facts is not None
    assert (facts.bid, facts.sources, facts.outliers) == (100, ("stream", "rest"), ())


def test_when_the_best_source_falls_silent_the_next_takes_over_and_hands_back() -> None:
    bus = bus_of(STREAM, REST)
    bus.publish("stream", quote("100"), START)
    for seconds in range(0, 31, 10):
        at = START + seconds * SECOND
        bus.publish("rest", quote("101", at), at)
    assert source_in_use(bus, 30) == "stream"
    assert source_in_use(bus, 31) == "rest"
    back = START + 41 * SECOND
    bus.publish("stream", quote("101", back), back)
    assert source_in_use(bus, 41) == "stream"


def test_a_source_with_an_unconfirmed_jump_gives_way_to_the_next() -> None:
    bus = bus_of(STREAM, REST)
    for name in ("stream", "rest"):
        bus.publish(name, quote("100"), START)
    bus.publish("stream", quote("65", START + SECOND), START + SECOND)
    facts = bus.facts(BTC_USDT, START + SECOND)
    assert facts is not None
    assert (facts.sources, facts.outliers) == (("rest",), ("stream",))


def test_a_source_that_the_others_outvote_is_not_in_use() -> None:
    bus = bus_of(STREAM, STREAM_2, REST)
    for name, price in (("stream", "110"), ("stream_2", "100"), ("rest", "100")):
        bus.publish(name, quote(price), START)
    facts = bus.facts(BTC_USDT, START)
    assert facts is not None
    assert (facts.bid, facts.sources, facts.outliers) == (100, ("stream_2", "rest"), ("stream",))


def test_of_two_that_disagree_the_better_priority_is_in_use_and_the_other_is_named() -> None:
    bus = bus_of(STREAM, REST)
    bus.publish("rest", quote("110"), START)
    bus.publish("stream", quote("100"), START)
    facts = bus.facts(BTC_USDT, START)
    assert facts is not None
    assert (facts.bid, facts.sources, facts.outliers) == (100, ("stream",), ("rest",))


@pytest.mark.parametrize(("other", "agrees"), [("101", True), ("101.01", False)])
def test_sources_agree_up_to_the_limit(other: str, agrees: bool) -> None:
    bus = bus_of(STREAM, REST)
    bus.publish("stream", quote("100"), START)
    bus.publish("rest", quote(other), START)
    facts = bus.facts(BTC_USDT, START)
    assert facts is not None
    assert ("rest" in facts.sources, "rest" in facts.outliers) == (agrees, not agrees)


def test_a_stale_quote_is_told_with_its_age_but_nobody_supports_it() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100"), START)
    at_limit = bus.facts(BTC_USDT, START + AGE_MAX)
    beyond = bus.facts(BTC_USDT, START + AGE_MAX + MICROSECOND)
    assert at_limit is not None
    assert beyond is not None
    assert (at_limit.age, at_limit.sources) == (AGE_MAX, ("stream",))
    assert (beyond.age, beyond.sources) == (AGE_MAX + MICROSECOND, ())


def test_for_execution_a_stale_quote_is_kept_back_with_the_reason() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100"), START)
    late = START + AGE_MAX + MICROSECOND
    kept_back = bus.view(BTC_USDT, late, for_agent=None, execution=True)
    shown = bus.view(BTC_USDT, late, for_agent=None, execution=False)
    assert (kept_back.quote, kept_back.problem) == (None, ViewProblem.STALE)
    assert (shown.quote, shown.problem) == (quote("100"), ViewProblem.STALE)
    assert bus.view(BTC_PERP, late, for_agent=None, execution=False).problem is ViewProblem.MISSING


def test_a_source_may_have_an_age_limit_of_its_own() -> None:
    bus = bus_of(replace(STREAM, quote_age_max=SECOND))
    bus.publish("stream", quote("100"), START)
    assert bus.view(BTC_USDT, START + SECOND, for_agent=None, execution=True).problem is None
    assert bus.view(BTC_USDT, START + SECOND + MICROSECOND, for_agent=None, execution=True).problem is ViewProblem.STALE


def test_a_zombie_that_repeats_its_last_quote_grows_old() -> None:
    bus = bus_of(STREAM)
    for seconds in range(60):
        bus.publish("stream", quote("100"), START + seconds * SECOND)
    facts = bus.facts(BTC_USDT, START + 60 * SECOND)
    assert facts is not None
    assert facts.age == 60 * SECOND


def test_freshness_falls_in_a_straight_line() -> None:
    assert freshness(timedelta(0), AGE_MAX) == 1
    assert freshness(AGE_MAX / 2, AGE_MAX) == Decimal("0.5")
    assert freshness(AGE_MAX, AGE_MAX) == 0
    assert freshness(AGE_MAX * 5, AGE_MAX) == 0
    assert freshness(MICROSECOND, AGE_MAX) < 1


def test_clock_skew_is_how_far_the_source_ran_ahead_when_it_spoke() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100", START + SECOND), START)
    facts = bus.facts(BTC_USDT, START)
    assert facts is not None
    assert (facts.clock_skew, facts.age) == (SECOND, timedelta(0))


def test_a_quote_that_our_clock_has_stepped_back_before_is_not_used() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100"), START)
    assert bus.facts(BTC_USDT, START - 2 * SECOND) is not None
    assert bus.facts(BTC_USDT, START - 2 * SECOND - MICROSECOND) is None


def test_what_an_agent_supplies_is_never_admissible_to_itself() -> None:
    bus = bus_of(ANNS_FEED)
    bus.publish("anns_feed", quote("100"), START)
    assert bus.facts(BTC_USDT, START, ANN) is None
    assert bus.view(BTC_USDT, START, for_agent=ANN, execution=True).problem is ViewProblem.MISSING
    assert bus.facts(BTC_USDT, START, BOB) is not None


def test_a_source_that_is_not_admissible_is_seen_but_not_traded_on() -> None:
    bus = bus_of(UNTRUSTED, REST)
    bus.publish("untrusted", quote("100"), START)
    assert bus.facts(BTC_USDT, START, ANN) is None
    assert bus.view(BTC_USDT, START, for_agent=ANN, execution=True).quote is None
    assert bus.view(BTC_USDT, START, for_agent=ANN, execution=False).quote == quote("100")


def test_two_sources_of_one_agent_are_one_voice() -> None:
    second = replace(ANNS_FEED, name="anns_other_feed")
    bus = bus_of(ANNS_FEED, second)
    for name in ("anns_feed", "anns_other_feed"):
        bus.publish(name, quote("100"), START)
    facts = bus.facts(BTC_USDT, START, BOB)
    assert facts is not None
    assert facts.sources == ("anns_feed",)


def test_admissibility_can_be_withdrawn_and_the_name_cannot_be_taken() -> None:
    bus = bus_of(ANNS_FEED)
    bus.publish("anns_feed", quote("100"), START)
    bus.register(replace(ANNS_FEED, admissible=False))
    assert bus.facts(BTC_USDT, START, BOB) is None
    with pytest.raises(ValueError, match="anns_feed: the name belongs to ann"):
        bus.register(replace(ANNS_FEED, supplier=BOB))


def test_registering_again_does_not_make_the_old_price_forgotten() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", quote("100"), START)
    bus.register(STREAM)
    assert bus.publish("stream", quote("1", START + SECOND), START + SECOND) == "jump_unconfirmed"


def test_the_number_of_sources_is_bounded() -> None:
    bus = bus_of(STREAM, settings=BusSettings(sources_max=2))
    bus.register(REST)
    with pytest.raises(ValueError, match="no more than 2 sources"):
        bus.register(STREAM_2)


def test_a_book_makes_the_quote_of_a_source_without_quotes() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", book("99", "101"), START)
    facts = bus.facts(BTC_USDT, START)
    assert facts is not None
    assert (facts.bid, facts.ask, facts.bid_size) == (99, 101, 1)
    bus.publish("stream", quote("100.5", START + SECOND), START + SECOND)
    bus.publish("stream", book("99", "101", START + 2 * SECOND), START + 2 * SECOND)
    facts = bus.facts(BTC_USDT, START + 2 * SECOND)
    assert facts is not None
    assert facts.bid == Decimal("100.5")


def test_the_book_is_that_of_the_best_admissible_source_while_it_is_fresh() -> None:
    bus = bus_of(STREAM, REST)
    bus.publish("rest", book("98", "102"), START)
    bus.publish("stream", book("99", "101"), START)
    assert bus.book(BTC_USDT, START + AGE_MAX) == book("99", "101")
    assert bus.book(BTC_USDT, START + AGE_MAX + MICROSECOND) is None


def test_a_price_is_the_mid_of_the_pair_or_of_its_inverse() -> None:
    bus = bus_of(STREAM)
    bus.publish("stream", spread("99", "101"), START)
    assert bus.price(BTC, USDT, START) == 100
    assert bus.price(USDT, BTC, START) == Decimal("0.01")
    assert bus.price(BTC, BTC, START) == 1
    assert bus.price(Asset("ETH"), USDT, START) is None


def test_a_price_is_never_taken_from_a_stale_a_contested_a_perpetual_or_an_agents_quote() -> None:
    stale = bus_of(STREAM)
    stale.publish("stream", quote("100"), START)
    assert stale.price(BTC, USDT, START + AGE_MAX) == 100
    assert stale.price(BTC, USDT, START + AGE_MAX + MICROSECOND) is None
    stale.publish("stream", quote("50", START + SECOND), START + SECOND)
    assert stale.price(BTC, USDT, START + SECOND) is None
    other = bus_of(STREAM, ANNS_FEED)
    other.publish("stream", quote("100", symbol=BTC_PERP), START)
    other.publish("anns_feed", quote("100"), START)
    assert other.price(BTC, USDT, START) is None


def handed_over(bus: MarketDataBus) -> list[tuple[str, Tick]]:
    seen: list[tuple[str, Tick]] = []
    bus.subscribe(lambda source, tick: seen.append((source, tick)))
    return seen


def test_subscribers_get_believed_quotes_books_and_trades_of_the_operators_source() -> None:
    bus = bus_of(STREAM)
    seen = handed_over(bus)
    ticks = [quote("100"), book("99", "101"), trade("100")]
    for tick in [*ticks, quote("100"), quote("NaN", START + SECOND), candle(-1)]:
        bus.publish("stream", tick, START + SECOND)
    assert seen == [("stream", tick) for tick in ticks]


def test_subscribers_get_nothing_from_an_agents_or_an_inadmissible_source() -> None:
    bus = bus_of(ANNS_FEED, UNTRUSTED)
    seen = handed_over(bus)
    for name in ("anns_feed", "untrusted"):
        bus.publish(name, quote("100"), START)
    assert seen == []


def test_subscribers_get_only_the_source_in_use() -> None:
    bus = bus_of(STREAM, REST)
    seen = handed_over(bus)
    bus.publish("rest", quote("100"), START)
    bus.publish("stream", quote("100"), START)
    bus.publish("rest", quote("101", START + SECOND), START + SECOND)
    assert [source for source, _ in seen] == ["rest", "stream"]
    later = START + AGE_MAX + SECOND
    bus.publish("rest", quote("101", later), later)
    assert [source for source, _ in seen] == ["rest", "stream", "rest"]


def test_subscribers_do_not_get_a_book_that_is_older_than_the_quote() -> None:
    bus = bus_of(STREAM)
    seen = handed_over(bus)
    bus.publish("stream", quote("100", START + SECOND), START + SECOND)
    bus.publish("stream", book("99", "101", START), START + SECOND)
    assert [tick for _, tick in seen] == [quote("100", START + SECOND)]


def test_two_live_sources_of_one_priority_do_not_take_turns() -> None:
    bus = bus_of(STREAM, STREAM_2)
    used = set()
    for second in range(20):
        at = START + second * SECOND
        bus.publish("stream_2" if second % 2 else "stream", quote("100", at), at)
        used.add(source_in_use(bus, second))
    assert used == {"stream"}


def test_sentiment_is_the_newest_of_the_operators_sources_or_the_configured_one() -> None:
    scores = {
        name: Sentiment(score=Decimal(n), observed_at=START + n * SECOND) for n, name in ((0, "rest"), (1, "stream"))
    }
    agents = Sentiment(score=Decimal(1), observed_at=START + 5 * SECOND)
    for wanted, expected in ((None, "stream"), ("rest", "rest")):
        bus = bus_of(STREAM, REST, ANNS_FEED, settings=BusSettings(sentiment_source=wanted))
        assert bus.sentiment() is None
        for name, score in scores.items():
            bus.publish(name, score, START + 9 * SECOND)
        bus.publish("anns_feed", agents, START + 9 * SECOND)
        assert bus.sentiment() == scores[expected]


def test_priorities_come_in_the_order_stream_ingest_rest() -> None:
    bus = bus_of(REST, ANNS_FEED, STREAM)
    for name in ("rest", "anns_feed", "stream"):
        bus.publish(name, quote("100"), START)
    facts = bus.facts(BTC_USDT, START, BOB)
    assert facts is not None
    assert facts.sources[0] == "stream"
    without = bus_of(REST, ANNS_FEED)
    for name in ("rest", "anns_feed"):
        without.publish(name, quote("100"), START)
    assert source_in_use(without, 0, BOB) == "anns_feed"
    assert source_in_use(without, 0, ANN) == "rest"
