"""A simulation: agents, operators, a moving market, crashes at any moment; an independent checker after every step.

A crash drops the core where it stands and goes on from a copy of the files as they are on disk at that instant.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState, Side
from readytrader_sdk.ports import ExchangePort

from appliance.bootstrap import build
from appliance.domain.trading_state import TradingState
from appliance.home import Home
from appliance.service.agents import LOCAL
from appliance.service.limit_book import LimitRefused
from appliance.service.outcomes import Held, Outcome, Placed
from appliance.store.journal import JournalUnavailable
from appliance.store.writer import Group
from tests.service.checker import POSITION_MAX, Checker, check
from tests.service.ports import Watched
from tests.service.rig import OPERATOR, ManualClock, Rig, configured, order, put_before, require_whole

FULL = os.environ.get("SWEEP") == "full"
POSITION_MAX_PCT = Decimal(60)
TOML = f"""
[rate_limits]
default_per_min = 100000
execution_per_min = 100000
[limits]
position_max_pct = {POSITION_MAX_PCT}
exposure_max_pct = 60
open_notional_max_pct = 80
turnover_max_pct = 10000
open_orders_max = 6
daily_loss_max_pct = 50
drawdown_max_pct = 60
[approval]
notional_min = 15000
"""

quantities = st.integers(1, 30).map(lambda units: str(Decimal(units) / 100))
sides = st.sampled_from(Side)
keys = st.one_of(st.none(), st.sampled_from(["k1", "k2", "k3"]))


class Ledger(Watched):
    """The venue's side: what reached it, and whether a halt was in force when it did."""

    def __init__(self, venue: ExchangePort, reached: list[ClientOrderId], halt_file: Path) -> None:
        super().__init__(venue)
        self.sent = reached
        self.sent_after_halt: list[ClientOrderId] = []
        self.on_send = lambda sent: self.sent_after_halt.append(sent) if halt_file.exists() else None


class AtOnce:
    """Commits on the caller's thread: the same writes to the same disk, at moments that a seed decides alone."""

    def submit(self, commit: Callable[[Group], str], group: Group) -> Future[str]:
        done: Future[str] = Future()
        try:
            done.set_result(commit(group))
        except JournalUnavailable as fault:
            done.set_exception(fault)
        return done

    def shutdown(self, *, wait: bool) -> None:
        """Nothing is ever under way."""


class Trading(RuleBasedStateMachine):
    """Everything that may happen to one appliance, in any order."""

    orders = Bundle("orders")
    proposals = Bundle("proposals")

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="readytrader-"))
        self.lives = 0
        self.clock = ManualClock()
        self.reached: list[ClientOrderId] = []
        self.price = Decimal(50000)
        self.loop = asyncio.new_event_loop()
        self.ended: dict[str, OrderState] = {}
        self.open_core(self.root / "0")
        self.run(self.rig.fund("100000"))

    def open_core(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.home = Home(folder / "home")
        core = build(self.home, configured(folder, TOML), self.clock, monotonic=self.clock.monotonic)
        ledger = put_before(core, lambda venue: Ledger(venue, self.reached, self.home.halt_file))
        assert isinstance(ledger, Ledger)
        self.ledger = ledger
        core.journal._thread = AtOnce()  # type: ignore[assignment]
        self.rig = Rig(self.home, core, self.clock)
        self.rig.source()
        self.run(core.start())
        assert core._heartbeat is not None
        core._heartbeat.cancel()
        self.quote(self.price)

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def quote(self, price: Decimal) -> None:
        self.clock.advance(1)

        async def publish() -> None:
            self.rig.quote(str(price - 5), str(price + 5), size="1.5")
            await self.rig.core.recorder.written()

        self.run(publish())

    # the market and the clock

    @rule(step=st.integers(-900, 900))
    def market_moves(self, step: int) -> None:
        self.price = max(Decimal(20000), self.price + step)
        self.quote(self.price)

    @rule(seconds=st.sampled_from([1, 9, 29, 31, 61, 130, 3600, 90000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.run(self.rig.core.beat())
        self.quote(self.price)

    @rule(amount=st.integers(1, 50_000))
    def deposit(self, amount: int) -> None:
        self.run(self.rig.core.funds.deposit(LOCAL, "USDT", Decimal(amount)))  # type: ignore[arg-type]

    # agents

    @rule(target=orders, side=sides, quantity=quantities, offset=st.none() | st.integers(-800, 800), key=keys)
    def submit(self, side: Side, quantity: str, offset: int | None, key: str | None) -> Any:
        limit = None if offset is None else str(self.price + offset)
        return self.taken(self.run(self.rig.submit(order(side, quantity, limit), key=key)))

    @rule(target=orders, quantity=quantities, offset=st.integers(-800, -1), key=keys)
    def submit_several_at_once(self, quantity: str, offset: int, key: str | None) -> Any:
        intent = order(Side.BUY, quantity, str(self.price + offset))

        async def several() -> list[Outcome]:
            return await asyncio.gather(*(self.rig.submit(intent, key=key or str(number)) for number in range(4)))

        return multiple(*(one for outcome in self.run(several()) for one in self.ids(outcome)))

    @rule(target=orders, percent=st.integers(40, 100), offset=st.integers(1, 800), times=st.integers(1, 3))
    def offer_what_is_held(self, percent: int, offset: int, times: int) -> Any:
        share = (self.rig.held("BTC") * percent / 100).quantize(Decimal("0.00001"), rounding=ROUND_DOWN)
        intent = order(Side.SELL, str(share), str(self.price + offset))

        async def several() -> list[Outcome]:
            return await asyncio.gather(*(self.rig.submit(intent, key=f"{self.clock.now}{n}") for n in range(times)))

        return multiple(*(one for outcome in self.run(several()) for one in self.ids(outcome)))

    @rule(target=proposals, quantity=st.integers(31, 60), key=keys)
    def ask_for_much(self, quantity: int, key: str | None) -> Any:
        outcome = self.run(self.rig.submit(order(Side.BUY, str(Decimal(quantity) / 100), None), key=key))
        held = isinstance(outcome, Held)
        return multiple(outcome.record.request.request_id) if held else multiple()

    @rule(target=orders, replaced=orders, quantity=quantities, offset=st.integers(-800, 800))
    def replace(self, replaced: str, quantity: str, offset: int) -> Any:
        intent = order(Side.BUY, quantity, str(self.price + offset), replaces=ClientOrderId(replaced))
        return self.taken(self.run(self.rig.submit(intent)))

    @rule(which=orders)
    def cancel(self, which: str) -> None:
        self.run(self.rig.core.orders.cancel(ClientOrderId(which), None, "agent"))

    @rule(side=sides, quantity=quantities)
    def submit_and_cancel_at_once(self, side: Side, quantity: str) -> None:
        async def both() -> None:
            submitting = asyncio.create_task(self.rig.submit(order(side, quantity, str(self.price - 900))))
            await asyncio.sleep(0)
            await self.rig.core.orders.cancel_all(None, "agent")
            await submitting

        self.run(both())

    # operators

    @rule(which=proposals, times=st.integers(1, 3))
    def approve(self, which: str, times: int) -> None:
        async def approve_all() -> list[Outcome]:
            shown = self.rig.core.approvals.show(which, OPERATOR)  # type: ignore[arg-type]
            if shown is None:
                return []
            approvals = self.rig.core.approvals
            return await asyncio.gather(
                *(approvals.approve(which, shown.confirm_token or "", OPERATOR) for _ in range(times))  # type: ignore[arg-type]
            )

        outcomes = self.run(approve_all())
        assert sum(isinstance(outcome, Placed) for outcome in outcomes) <= 1

    @rule(which=proposals)
    def refuse(self, which: str) -> None:
        self.run(self.rig.core.approvals.refuse(which, "operator", "no"))  # type: ignore[arg-type]

    @rule(from_outside=st.booleans())
    def halt(self, from_outside: bool) -> None:
        if from_outside:
            self.home.halt_file.write_text("outside\n")
            self.run(self.rig.core.beat())
        else:
            self.run(self.rig.core.stop_trading("operator", "enough"))
        assert self.rig.core.orders.live(None) == ()

    @precondition(lambda self: self.rig.state() is not TradingState.ACTIVE)
    @rule()
    def resume(self) -> None:
        self.run(self.rig.core.halt.resume("operator", "fine"))

    @rule(percent=st.integers(5, 60))
    def tighten(self, percent: int) -> None:
        with suppress(LimitRefused):
            self.run(self.rig.core.limit_book.tighten(POSITION_MAX, str(percent), OPERATOR, "less"))

    @rule(percent=st.integers(5, 59), seconds=st.sampled_from([1, 31, 130, 90000]))
    def tighten_and_change_ones_mind(self, percent: int, seconds: int) -> None:
        self.tighten(percent)
        with suppress(LimitRefused):
            wanted = self.rig.core.limits.position_max_pct + 1
            self.run(self.rig.core.limit_book.loosen(POSITION_MAX, str(wanted), OPERATOR, "totp", "more"))
        self.time_passes(seconds)

    @rule(side=sides, quantity=quantities, percent=st.integers(5, 60))
    def tighten_while_ordering(self, side: Side, quantity: str, percent: int) -> None:
        async def both() -> None:
            submitting = asyncio.create_task(self.rig.submit(order(side, quantity, None)))
            await asyncio.sleep(0)
            with suppress(LimitRefused):
                await self.rig.core.limit_book.tighten(POSITION_MAX, str(percent), OPERATOR, "less")
            await submitting

        self.run(both())

    # ends

    @rule(side=sides, quantity=quantities, offset=st.none() | st.integers(-800, 800), steps=st.integers(0, 12))
    def crash_while_ordering(self, side: Side, quantity: str, offset: int | None, steps: int) -> None:
        limit = None if offset is None else str(self.price + offset)

        async def partly() -> None:
            submitting = asyncio.create_task(self.rig.submit(order(side, quantity, limit)))
            for _ in range(steps):
                await asyncio.sleep(0)
            self.copy_files()
            await asyncio.wait({submitting})

        self.run(partly())
        self.resume_from_copy()

    @rule()
    def crash(self) -> None:
        self.copy_files()
        self.resume_from_copy()

    @rule()
    def restart(self) -> None:
        self.run(self.rig.core.aclose())
        self.open_core(self.home.root.parent)

    def copy_files(self) -> None:
        """The files as they are on disk now."""
        self.lives += 1
        copied = self.root / str(self.lives)
        copied.mkdir()
        home = self.home.root
        shutil.copytree(home, copied / "home", ignore=shutil.ignore_patterns("journal.db*", "run"))
        for name in ("journal.db", "journal.db-wal"):
            if (home / name).exists():
                shutil.copy2(home / name, copied / "home" / name)

    def resume_from_copy(self) -> None:
        before = set(self.reached)
        self.run(self.rig.core.aclose())
        shutil.rmtree(self.home.root)
        # What the dropped core sent after the instant of the copy never happened.
        copied = self.root / str(self.lives)
        self.open_core(copied)
        self.reached[:] = [one for one in self.reached if one in before and one in self.rig.core.state.orders]
        self.ended = {one: state for one, state in self.ended.items() if one in self.rig.core.state.orders}

    # what was taken in

    def taken(self, outcome: Outcome) -> Any:
        return multiple(*self.ids(outcome))

    def ids(self, outcome: object) -> list[str]:
        return [outcome.order.client_order_id] if isinstance(outcome, Placed) else []

    # invariants

    @invariant()
    def the_journal_tells_a_lawful_story(self) -> None:
        if not hasattr(self, "rig"):
            return
        checker = check(self.home.journal, POSITION_MAX_PCT)
        self.require_venue_agrees(checker)
        assert len(self.reached) == len(set(self.reached)), "an order reached the venue twice"
        assert set(self.reached) <= checker.orders.keys(), "an order reached the venue without a permit"
        assert self.ledger.sent_after_halt == []
        assert self.rig.core.limits.position_max_pct == checker.position_max_pct
        for order_id, state in self.ended.items():
            assert checker.orders[order_id].state == state, f"{order_id} had ended as {state}"
        self.ended |= {one: OrderState(seen.state) for one, seen in checker.orders.items() if not seen.live}

    def require_venue_agrees(self, checker: Checker) -> None:
        balances = {balance.asset: balance.total for balance in self.run(self.ledger.balances())}
        for asset in balances.keys() | checker.balances.keys():
            assert balances.get(asset, Decimal(0)) == checker.balances[asset], f"{asset} at the venue"
        resting: list[ExecutionReport] = list(self.run(self.ledger.open_orders()))
        live = {order_id for order_id, seen in checker.orders.items() if seen.live}
        assert {report.client_order_id for report in resting} == live

    def teardown(self) -> None:
        if hasattr(self, "rig"):
            self.run(self.rig.core.aclose())
            require_whole(self.home.journal, self.home.checkpoint_key)
            self.loop.close()
            shutil.rmtree(self.root)


TestTrading = Trading.TestCase
TestTrading.settings = settings(
    max_examples=500 if FULL else 30,
    stateful_step_count=60 if FULL else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
