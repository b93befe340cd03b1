"""What happens to an appliance in a simulation, step by step: agents, market, venue, operator, crashes."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from decimal import Decimal

from hypothesis import strategies as st
from msgspec import Struct
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType, Side

from appliance.local_exchange.faults import Fault
from appliance.local_exchange.values import Refused as TurnedAway
from appliance.local_exchange.values import Request
from appliance.service.outcomes import Placed, Refused
from tests.live.checker import Naming, as_it_is, in_doubt
from tests.live.rig import BTC, LiveRig, order

AT_ONCE_MAX = 6
"""Requests of agents that are under way at a time."""
FAR = Decimal("0.5")
"""Where orders of strangers rest, as a part of the price: never filled."""
SHORT = (0, 3, 10, 30, 80)
QUANTITIES = ("0.0002", "0.01", "0.25", "0.5", "1.5")


class Step(Struct, frozen=True, array_like=True):
    """One thing that happens. Numbers are choices; each kind of step makes of them what it needs."""

    kind: str
    number: int = 0
    other: int = 0


WEIGHTS = {
    "market": 40, "place": 56, "take": 24, "twice": 8, "replace": 24, "cancel": 24, "cancel_all": 3, "wait": 8,
    "fault": 20, "operator": 30, "beat": 6, "rest": 8, "deposit": 2, "stranger": 2, "stranger_trades": 2,
    "stranger_leaves": 2, "halt": 2, "kill_worker": 2, "crash": 4, "restart": 1,
}  # fmt: skip
"""How often each kind of step comes, in a life that has nothing special about it."""


class Course(Struct, frozen=True):
    """What hypothesis draws of a life: the random numbers, and what there is more of, or none, than in others."""

    seed: int
    emphasis: dict[str, int]
    """By kind of step, a factor."""

    def steps(self, count: int, salt: object) -> list[Step]:
        """So many steps; others for each `salt`, for hypothesis likes to draw the same again."""
        chance = random.Random(f"{self.seed} {salt}")
        weights = [weight * self.emphasis.get(kind, 1) for kind, weight in WEIGHTS.items()]
        kinds = chance.choices(list(WEIGHTS), weights, k=count)
        return [Step(kind, chance.randrange(1 << 16), chance.randrange(1 << 16)) for kind in kinds]


courses = st.builds(
    Course,
    st.integers(0, 1 << 62),
    st.dictionaries(st.sampled_from(sorted(WEIGHTS)), st.sampled_from([0, 2, 4]), max_size=5),
)


RARE = frozenset({Fault.WITHDRAW_ENABLED_KEY, Fault.CLOCK_SKEW, Fault.ABSURD_PRICE, Fault.CROSSED_BOOK})
"""Faults that keep every order from being sent while they last: there would be little else to see."""
LATE_MS = {
    Fault.LOST_THEN_LATE_ACKNOWLEDGEMENT: 40, Fault.FILLS_OUT_OF_ORDER: 20, Fault.FILL_AFTER_CANCEL: 30,
    Fault.ORDER_UNKNOWN_FOR_A_WHILE: 80, Fault.BALANCE_LAG: 50, Fault.SILENT_SOCKET: 200,
}  # fmt: skip
"""How late, in milliseconds, of a venue that is asked every 60."""


class Playing:
    """One script on one rig."""

    def __init__(self, rig: LiveRig, faults: tuple[Fault, ...], naming: Naming = as_it_is) -> None:
        self._rig = rig
        self._faults = tuple(fault for fault in faults for _ in range(1 if fault in RARE else 3))
        self._naming = naming
        self.tally: Counter[str] = Counter()
        """How often each kind of step was made, and each crash point hit."""
        self._orders: list[ClientOrderId] = []
        self._strangers: list[int] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._keys = 0
        self._failure: BaseException | None = None

    async def play(self, script: list[Step]) -> None:
        """Every step of the script; afterwards nothing is under way."""
        for step in script:
            self.tally[f"step {step.kind}"] += 1
            made: Awaitable[None] | None = getattr(self, f"_{step.kind}")(step)
            if made is not None:
                await made
            await asyncio.sleep(0)
        await self._all_done()

    # agents

    def _later(self, work: Coroutine[object, object, object]) -> Coroutine[None, None, None] | None:
        """Let it go its way beside the next steps; wait only where too much is under way."""

        async def alone() -> None:
            await work

        task = asyncio.create_task(alone())
        task.add_done_callback(lambda _: work.close())  # it never began where its life ended at once
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return self._room() if len(self._under_way) >= AT_ONCE_MAX else None

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()

    async def _room(self) -> None:
        await asyncio.wait(set(self._under_way), return_when=asyncio.FIRST_COMPLETED)
        self._raise()

    async def _all_done(self) -> None:
        while self._under_way:
            await asyncio.wait(set(self._under_way))
        self._raise()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _limit(self, step: Step) -> Decimal:
        """Mostly where an order rests, at times where it fills at once."""
        away = Decimal(step.other % 1000 - 100) / 10
        return self._rig.price + (-away if step.number & 1 else away)

    async def _submit(self, step: Step, limit: Decimal | None, replaces: ClientOrderId | None = None) -> None:
        self._keys += 1
        side = Side.BUY if step.number & 1 else Side.SELL
        if replaces is not None:
            replaced = self._rig.core.orders.find(replaces, None)
            if replaced is not None and isinstance(replaced.payload, OrderRequest):
                side = replaced.payload.side
                limit = self._limit(Step(step.kind, side is Side.BUY, step.other))
        quantity = QUANTITIES[(step.number >> 1) % len(QUANTITIES)]
        intent, key = order(side, quantity, limit, replaces), f"{self._rig.lives}-{self._keys}"
        outcome = await self._rig.core.desk.submit(self._rig.agent, intent, key=key)
        if isinstance(outcome, Placed):
            self.tally["placed"] += 1
            self._orders.append(outcome.order.client_order_id)
        elif isinstance(outcome, Refused):
            self.tally[f"refused {outcome.denials[0].code}"] += 1

    def _place(self, step: Step) -> Awaitable[None] | None:
        return self._later(self._submit(step, self._limit(step)))

    def _take(self, step: Step) -> Awaitable[None] | None:
        return self._later(self._submit(step, None))

    def _twice(self, step: Step) -> Awaitable[None] | None:
        """The same call by an agent that hears no answer: one order."""
        intent = order(Side.BUY if step.number & 1 else Side.SELL, "0.01", self._limit(step))
        key, core = f"twice-{self._rig.lives}-{step.number % 50}-{intent.limit_price}", self._rig.core

        async def twice() -> None:
            calls = (core.desk.submit(self._rig.agent, intent, key=key) for _ in range(3))
            answers = await asyncio.gather(*calls)
            placed = {answer.order.client_order_id for answer in answers if isinstance(answer, Placed)}
            assert len(placed) <= 1, f"{key}: {placed}"

        return self._later(twice())

    def _one(self, step: Step) -> ClientOrderId | None:
        """An order to do something with: as a rule one that is open."""
        live = [one.client_order_id for one in self._rig.core.orders.live(None)] if step.other % 8 else []
        known = live or self._orders[-20:]
        return known[step.number % len(known)] if known else None

    def _replace(self, step: Step) -> Awaitable[None] | None:
        replaced = self._one(step)
        return None if replaced is None else self._later(self._submit(step, self._limit(step), replaced))

    def _cancel(self, step: Step) -> Awaitable[None] | None:
        one = self._one(step)
        return None if one is None else self._later(self._rig.core.orders.cancel(one, None, "agent"))

    def _cancel_all(self, _step: Step) -> Awaitable[None] | None:
        return self._later(self._rig.core.orders.cancel_all(self._rig.agent.agent_id, "agent"))

    def _wait(self, step: Step) -> Awaitable[None] | None:
        one = self._one(step)
        return None if one is None else self._later(self._rig.core.orders.wait(one, None, 0.05))

    # the market, the venue, strangers

    def _market(self, step: Step) -> None:
        move = Decimal(step.number % 401 - 200) / 10
        self._rig.show(max(Decimal(30000), min(Decimal(70000), self._rig.price + move)))

    def _fault(self, step: Step) -> None:
        fault = self._faults[step.number % len(self._faults)]
        ms = LATE_MS.get(fault, 0)
        if fault in (Fault.TIMEOUT_BEFORE_ACCEPTANCE, Fault.TIMEOUT_AFTER_ACCEPTANCE):
            ms = SHORT[step.other % len(SHORT)]
        if fault is Fault.CLOCK_SKEW:
            ms = (0, 900, -900, 100)[step.other % 4]
        self._rig.exchange.faults.inject(fault, times=1 + step.other % 2, ms=ms)
        if fault is Fault.ORDER_UNKNOWN_FOR_A_WHILE and step.other & 2:
            # The worst of it: no answer, no news, and the venue denies for a while that it has the order.
            self._rig.exchange.faults.inject(Fault.ERROR_5XX_AFTER_ACCEPTANCE)
        if fault in (Fault.ORDER_UNKNOWN_FOR_A_WHILE, Fault.FILL_AFTER_CANCEL) and step.other & 2:
            self._rig.exchange.faults.inject(Fault.SILENT_SOCKET, ms=LATE_MS[Fault.SILENT_SOCKET])

    def _deposit(self, step: Step) -> None:
        """Money that comes to the venue by itself."""
        asset, amount = (Asset("BTC"), Decimal(1)) if step.number & 1 else (Asset("USDT"), Decimal(step.other + 1))
        self._at_venue(lambda: self._rig.exchange.deposit(self._rig.account, {asset: amount}))

    def _stranger(self, step: Step) -> None:
        """An order of nobody here, that rests until it leaves or is swept away."""
        rests = Request(
            symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.001"),
            limit_price=(self._rig.price * FAR).quantize(Decimal(1)), client_order_id=f"web_{self._next()}",
        )  # fmt: skip
        self._at_venue(lambda: self._strangers.append(self._rig.exchange.place(self._rig.account, rests).order_id))

    def _stranger_trades(self, step: Step) -> None:
        """An order of nobody here that fills at once: of it, the balances alone tell."""
        at_once = Request(
            symbol=BTC, side=Side.BUY if step.number & 1 else Side.SELL, order_type=OrderType.MARKET,
            quantity=Decimal("0.003"), client_order_id=f"web_{self._next()}",
        )  # fmt: skip
        self._at_venue(lambda: self._rig.exchange.place(self._rig.account, at_once))

    def _stranger_leaves(self, step: Step) -> None:
        if self._strangers:
            number = self._strangers.pop(step.number % len(self._strangers))
            self._at_venue(lambda: self._rig.exchange.cancel(self._rig.account, number))

    def _at_venue(self, act: Callable[[], object]) -> None:
        def done() -> None:
            with contextlib.suppress(TurnedAway):
                act()

        self._rig.lane.at_venue(done)

    def _next(self) -> int:
        self._keys += 1
        return self._keys

    # the operator, the host

    async def _rest(self, step: Step) -> None:
        """Time passes."""
        await asyncio.sleep(SHORT[step.number % len(SHORT)] / 1000)

    async def _beat(self, _step: Step) -> None:
        await self._rig.core.beat()

    async def _operator(self, _step: Step) -> None:
        """Sees to what is wrong here; and the venue to its clock."""
        self._rig.exchange.faults.inject(Fault.CLOCK_SKEW, ms=0)
        await self._rig.look_after()

    async def _halt(self, step: Step) -> None:
        """By the operator, or by the file; until the venues are empty, if they will be soon."""
        core = self._rig.core
        if step.number & 1:
            self._rig.home.halt_file.write_text("outside\n")
            await core.beat()
        else:
            await core.stop_trading("operator", "enough")
        await self._rig.until(lambda: not core.stopping.under_way, 0.3)
        self.tally["halts emptied" if not core.stopping.under_way else "halts still sweeping"] += 1
        if step.other & 1:
            await self._rig.look_after()

    def _kill_worker(self, _step: Step) -> None:
        self._rig.kill_worker()

    async def _crash(self, step: Step) -> None:
        """Die so many turns of the loop after the last step, whatever is under way."""
        await self._submit_and_spin(step)
        for point in set(in_doubt(self._rig.home.journal, self._rig.root / "ledger.jsonl", "rig", self._naming)):
            self.tally[f"crash with {point}"] += 1
        await self._rig.crash()
        self._under_way.clear()
        self._failure = None
        await self._rig.fit(3)

    async def _submit_and_spin(self, step: Step) -> None:
        room = self._later(self._submit(step, self._limit(step) if step.other & 1 else None))
        for _ in range(step.number % 24):
            await asyncio.sleep(0)
        if room is not None:
            room.close()

    async def _restart(self, _step: Step) -> None:
        await self._all_done()
        await self._rig.restart()
        await self._rig.fit(3)
