"""A venue gets orders only while it answers, agrees with the journal, and its key is harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.instruments import Asset, InstrumentStatus
from readytrader_sdk.ports import KeyRights

from appliance.domain.codes import Code
from appliance.domain.key_risk import KeyRisk
from appliance.domain.trading_state import TradingState
from appliance.service.key_rights import key_problem, risk_of
from tests.service.live import BRISK, Live, open_live, play_live
from tests.service.rig import NOON, ManualClock, buy, codes, order_id
from tests.service.scripted_venue import EVERY_OPTION, ScriptedVenue

WITHDRAWS = KeyRights(can_trade=True, can_withdraw=True)
SILENT = KeyRights(can_trade=None, can_withdraw=None)
EUROS = "".join(
    f'[[instrument]]\nsymbol = "BTC/{quote}"\nprice_increment = "0.01"\nquantity_increment = "0.00001"\n'
    'quantity_min = "0.00001"\nnotional_min = "5"\n'
    for quote in ("USDT", "EUR")
)


def failing(method: str) -> Callable[[ScriptedVenue], None]:
    return lambda venue: venue.always.update({method: Unavailable("dark")})


# becoming fit


@pytest.mark.parametrize("method", ["key_rights", "venue_time", "instruments", "open_orders", "balances"])
def test_a_venue_that_cannot_be_asked_gets_no_order(tmp_path: Path, method: str) -> None:
    async def scenario(rig: Live) -> None:
        await rig.until(lambda: method in rig.venue.asked)
        assert rig.watch.line.problem is not None
        assert Code.VENUE_NOT_READY in codes(await rig.send(buy("0.01", "49000")))
        assert rig.venue.sent == []
        rig.venue.always.clear()
        await rig.turn()
        assert rig.watch.line.problem is None
        assert order_id(await rig.sent(buy("0.01", "49000"))) in rig.venue.sent

    play_live(tmp_path, scenario, prepare=failing(method), fit=False)


def test_a_worker_that_never_comes_up_leaves_the_venue_unfit(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        async def never() -> None:
            raise Misconfigured("its secret is missing")

        rig.watch._worker_up = never
        rig.watch._agreed_at = None
        await rig.watch.turn()
        assert "its secret is missing" in str(rig.watch.line.problem)

    play_live(tmp_path, scenario)


def test_what_is_there_the_first_time_is_taken_over_and_is_no_profit(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        assert {event.asset: event.amount for event in rig.events("funds.moved")} == rig.venue.money
        equity = rig.core.portfolio.equity(rig.clock.now).total
        assert equity == Decimal(100_000) + Decimal("50005")
        assert rig.core.portfolio.performance(equity, rig.clock.now).nav == 1

    play_live(tmp_path, scenario)


def test_what_was_taken_over_once_is_not_taken_over_again(tmp_path: Path) -> None:
    async def lives() -> None:
        clock = ManualClock()
        async with open_live(tmp_path, clock=clock) as rig:
            venue = rig.venue
        venue.money[Asset("USDT")] += 7
        async with open_live(tmp_path, clock=clock, venue=venue) as rig:
            await rig.turn(BRISK.drift_seen_min)
            assert len(rig.events("funds.moved")) == 2
            assert len(rig.events("drift.found")) == 1

    asyncio.run(lives())


def test_balances_without_a_price_are_not_taken_over(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        await rig.until(lambda: "balances" in rig.venue.asked)
        assert "cannot be valued yet" in str(rig.watch.line.problem)
        assert rig.events("funds.moved") == []
        rig.quote()
        await rig.turn()
        assert rig.watch.line.problem is None

    clock = ManualClock()

    def a_minute_later(method: str) -> None:
        if method == "instruments":
            clock.advance(60)

    play_live(
        tmp_path, scenario, clock=clock, fit=False, prepare=lambda venue: setattr(venue, "on_ask", a_minute_later)
    )


def test_what_no_instrument_has_counts_as_nothing_is_told_and_keeps_no_account_from_trading(tmp_path: Path) -> None:
    """Dust of a token that was thrown at the account, and dollars where everything is counted in USDT."""

    async def scenario(rig: Live) -> None:
        assert {event.asset for event in rig.events("funds.moved")} == {"BTC", "USDT"}
        before = rig.core.portfolio.equity(rig.clock.now)
        assert before.unpriced == ()
        rig.venue.money[Asset("USD")] += 1_000_000
        await rig.turn(BRISK.drift_seen_min)
        assert rig.events("drift.found") == []
        assert rig.core.portfolio.equity(rig.clock.now) == before
        assert rig.watch.health().caveats[0].startswith("no instrument here has DUST, USD: what is held of it counts")
        order_id(await rig.sent(buy("0.01", "49000")))

    held = {Asset("USD"): Decimal(5), Asset("DUST"): Decimal(7)}
    play_live(tmp_path, scenario, prepare=lambda venue: venue.money.update(held))


def test_what_an_instrument_has_and_none_can_price_keeps_the_account_unfit_and_the_way_out_is_told(
    tmp_path: Path,
) -> None:
    """It could be bought: unless it is counted, a loss in it would never be seen."""

    async def scenario(rig: Live) -> None:
        await rig.until(lambda: rig.watch.line.problem is not None and "sane" in rig.watch.line.problem)
        assert "no sane price for EUR; add to the instruments EUR/USDT" in str(rig.watch.line.problem)
        assert rig.events("funds.moved") == []
        assert Code.VENUE_NOT_READY in codes(await rig.send(buy("0.01", "49000")))

    play_live(
        tmp_path, scenario, fit=False, more_limits=EUROS,
        prepare=lambda venue: venue.money.update({Asset("EUR"): Decimal(5)}),
    )  # fmt: skip


# staying fit


def test_one_failure_is_no_reason_to_stop_and_failures_for_a_while_are(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.always["open_orders"] = Unavailable("dark")
        rig.clock.now = NOON + BRISK.unreachable_after
        await rig.watch.turn()
        assert rig.watch.line.problem is None
        rig.clock.now += timedelta(microseconds=1)
        await rig.watch.turn()
        assert "could not be asked since 12:00:00 UTC" in str(rig.watch.line.problem)
        rig.quote()
        assert Code.VENUE_NOT_READY in codes(await rig.send(buy("0.01", "49000")))
        assert rig.at_venue() is TradingState.ACTIVE  # nothing stands there
        problems = [event.problem is None for event in rig.events("venue.changed")]
        assert problems == [True, False]

    play_live(tmp_path, scenario)


def test_orders_that_stand_where_nobody_can_be_asked_close_the_venue(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        await rig.sent(buy("0.01", "49000"))
        rig.venue.always["open_orders"] = Unavailable("dark")
        rig.clock.now = NOON + BRISK.unreachable_after + timedelta(microseconds=1)
        await rig.watch.turn()
        assert rig.at_venue() is TradingState.CANCEL_ONLY

    play_live(tmp_path, scenario)


@pytest.mark.parametrize(("skew_s", "passes"), [("1", True), ("-1", True), ("1.000001", False), ("-1.000001", False)])
def test_the_venues_clock_is_measured_and_past_the_bound_nothing_is_sent(
    tmp_path: Path, skew_s: str, *, passes: bool
) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.skew = timedelta(seconds=float(skew_s))
        await rig.turn()
        outcome = await rig.send(buy("0.01", "49000"))
        if passes:
            order_id(outcome)
        else:
            assert codes(outcome) == {Code.CLOCK_SKEW}
        assert len(rig.venue.sent) == passes

    play_live(tmp_path, scenario, more_limits="[marketdata]\nclock_skew_max_ms = 1000\n")


def test_an_answer_about_the_time_that_was_held_up_is_no_skew(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        waits = iter((5, 3))

        def held_up(method: str) -> None:
            if method == "venue_time":
                rig.clock.set(next(waits, 0))

        rig.venue.on_ask = held_up
        await rig.turn()
        assert rig.watch.line.clock_skew == timedelta(0)
        assert next(waits, None) is None

    play_live(tmp_path, scenario)


def test_a_stream_that_breaks_while_the_venue_is_looked_at_is_reason_to_look_again(tmp_path: Path) -> None:
    """What was missed may have happened after the list was made."""

    async def scenario(rig: Live) -> None:
        looked = rig.venue.asked.count("open_orders")

        def breaks_once(method: str) -> None:
            if method == "balances" and rig.venue.asked.count("balances") == balances + 1:
                rig.watch._wake.set()

        balances = rig.venue.asked.count("balances")
        rig.venue.on_ask = breaks_once
        rig.watch._wake.set()
        await rig.until(lambda: rig.venue.asked.count("open_orders") == looked + 2)

    play_live(tmp_path, scenario)


def test_the_venues_own_rules_stand_before_the_configured_ones(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        (rule,) = rig.venue.rules
        rig.venue.rules = (msgspec.structs.replace(rule, status=InstrumentStatus.HALTED),)
        await rig.turn()
        order_id(await rig.sent(buy("0.01", "49000")))  # they are good for an hour
        rig.clock.advance(3600)
        rig.quote()
        await rig.turn()
        assert Code.INSTRUMENT_NOT_TRADING in codes(await rig.send(buy("0.02", "49000")))
        rig.venue.rules = ()
        rig.clock.advance(3600)
        rig.quote()
        await rig.turn()
        assert Code.VENUE_NOT_READY in codes(await rig.send(buy("0.03", "49000")))

    play_live(tmp_path, scenario)


# the key


@pytest.mark.parametrize(
    ("rights", "risk"),
    [
        (KeyRights(can_trade=True, can_withdraw=False), None),
        (WITHDRAWS, KeyRisk.WITHDRAW),
        (SILENT, KeyRisk.UNVERIFIED),
        (None, KeyRisk.UNVERIFIED),
    ],
)
def test_a_key_that_may_do_too_much_is_refused_unless_that_very_risk_was_accepted(
    rights: KeyRights | None, risk: KeyRisk | None
) -> None:
    assert risk_of(rights) is risk
    assert (key_problem(rights, frozenset(), NOON) is None) is (risk is None)
    for accepted in KeyRisk:
        assert (key_problem(rights, frozenset({accepted}), NOON) is None) is (risk in {None, accepted})


def test_a_key_that_may_not_trade_or_has_expired_is_refused_whatever_was_accepted() -> None:
    every = frozenset(KeyRisk)
    may_not = KeyRights(can_trade=False, can_withdraw=False)
    expires = KeyRights(can_trade=True, can_withdraw=False, expires_at=NOON)
    assert "may not trade" in str(key_problem(may_not, every, NOON))
    assert "expired" in str(key_problem(expires, every, NOON))
    assert key_problem(expires, every, NOON - timedelta(microseconds=1)) is None


def test_a_key_that_can_withdraw_keeps_the_venue_closed_and_is_written_down(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        await rig.until(lambda: "open_orders" in rig.venue.asked)
        await rig.until(lambda: "can withdraw" in str(rig.watch.line.problem))
        assert Code.VENUE_NOT_READY in codes(await rig.send(buy("0.01", "49000")))
        (seen,) = rig.events("key_rights.seen")
        assert (seen.rights.can_withdraw, seen.accepted) == (True, ())

    play_live(tmp_path, scenario, fit=False, prepare=lambda venue: setattr(venue, "rights", WITHDRAWS))


def test_a_risk_that_was_accepted_by_name_is_written_down_with_the_name(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        order_id(await rig.sent(buy("0.01", "49000")))
        (seen,) = rig.events("key_rights.seen")
        assert (seen.accepted, seen.accepted_by) == (("withdraw",), "Ada")

    terms = 'cancel_after_sec = 0\nkey_risks_accepted = ["withdraw"]\nkey_risks_accepted_by = "Ada"'
    play_live(tmp_path, scenario, terms=terms, prepare=lambda venue: setattr(venue, "rights", WITHDRAWS))


def test_a_venue_that_tells_no_rights_needs_that_risk_accepted(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        await rig.until(lambda: "rights that the venue does not tell" in str(rig.watch.line.problem))
        assert rig.events("key_rights.seen")[0].rights is None

    play_live(tmp_path, scenario, fit=False, options=EVERY_OPTION - {"key_rights"})


def test_rights_are_asked_for_again_every_day_and_a_key_that_got_worse_closes_the_venue(tmp_path: Path) -> None:
    async def scenario(rig: Live) -> None:
        rig.venue.rights = WITHDRAWS
        rig.clock.now = NOON + BRISK.rights_every - timedelta(microseconds=1)
        await rig.turn()
        assert rig.watch.line.problem is None
        rig.clock.now = NOON + BRISK.rights_every
        await rig.turn()
        assert "can withdraw" in str(rig.watch.line.problem)
        assert [event.rights.can_withdraw for event in rig.events("key_rights.seen")] == [False, True]

    play_live(tmp_path, scenario)
