"""Two processes race for every decision: approve against approve, refusal and the clock. Then the journal is read.

`RACE_ATTEMPTS` says how many attempts there are in total; CI runs ten thousand.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from appliance.domain.events import ApprovalGiven, OrderPermitted, ProposalDecided, ProposalState
from appliance.domain.operators import Person, Role
from appliance.transport.operator_http.listener import OperatorHttp
from appliance.transport.operator_socket import OperatorSocket, operator_name
from tests.operator_http.serving import Caller, listening
from tests.service.ports import Watched
from tests.service.rig import ROOMY, Rig, buy, play

ATTEMPTS = int(os.environ.get("RACE_ATTEMPTS", "1200"))
ROUND = 100
"""Proposals that are raced for at a time."""
LANES = 6
"""Connections of each process; the daemon takes 16 in all."""
TTL_S = 120
RACER = Person(name=operator_name(os.geteuid()), role=Role.ADMIN)
"""Both processes: they run as this user."""
TOML = (
    ROOMY.replace("repeated_orders_max = 1000", "repeated_orders_max = 10000").replace("= 1000\n", "= 10000\n")
    + f'[approval]\nmode = "approve_each"\nproposal_ttl_sec = {TTL_S}\n'
)


class Proposed(NamedTuple):
    """A proposal, and the token that was shown."""

    request_id: str
    token: str


def approving(one: Proposed) -> dict[str, object]:
    return {"verb": "approvals.approve", "request_id": one.request_id, "confirm_token": one.token}


def refusing(one: Proposed) -> dict[str, object]:
    return {"verb": "approvals.refuse", "request_id": one.request_id, "reason": "raced"}


class Racer:
    """One process, and what it is told to do."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def run(self, requests: list[dict[str, object]]) -> list[bool]:
        """Which of the requests were done, in their order; each lane has every so-many-th."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([requests[lane::LANES] for lane in range(LANES)]).encode() + b"\n")
        lanes = json.loads(await self._process.stdout.readline())
        done = [False] * len(requests)
        for lane, replies in enumerate(lanes):
            done[lane::LANES] = replies
        return done

    async def refuse_over_http(self, door: OperatorHttp, token: str, made: list[Proposed]) -> list[bool]:
        """Which of the proposals could be refused, over one connection."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        bodies = [{"request_id": it.request_id, "approve": False, "reason": "raced"} for it in made]
        plan = {"port": door.port, "token": token, "bodies": bodies}
        self._process.stdin.write(json.dumps(plan).encode() + b"\n")
        (done,) = json.loads(await self._process.stdout.readline())
        assert isinstance(done, list)
        return done


@asynccontextmanager
async def racers(rig: Rig) -> AsyncIterator[tuple[Racer, Racer]]:
    """The operator's socket, and two processes that come to it."""
    listener = OperatorSocket(rig.core, rig.home.operator_socket)
    await listener.start()
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "tests.races.racer", str(rig.home.operator_socket))
    one, two = [await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 22) for _ in "12"]
    try:
        yield Racer(one), Racer(two)
    finally:
        for process in (one, two):
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
        await listener.aclose()


async def propose(rig: Rig, count: int, start: int) -> list[Proposed]:
    """As many proposals, each with a key of its own so that none is a duplicate, shown to whoever comes by socket."""
    rig.quote()
    made = []
    for n in range(start, start + count):
        held = await rig.hold(buy(f"0.00{n % 7 + 1}"), key=f"race-{n}")
        shown = rig.core.approvals.show(held.record.request.request_id, RACER)
        assert shown is not None
        made.append(Proposed(held.record.request.request_id, str(shown.confirm_token)))
    return made


@pytest.mark.timeout(900)  # half a minute for ten thousand attempts on two quiet cores
def test_no_decision_is_made_twice_however_many_race_for_it(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.fund("9000000")
        yeses: Counter[str] = Counter()
        noes: Counter[str] = Counter()
        proposed: set[str] = set()
        async with racers(rig) as (one, two), listening(rig.core) as door:
            rounds = (approve_and_approve, approve_and_refuse, approve_and_expire, approve_and_refuse_over_http)
            for number in range(max(len(rounds), ATTEMPTS // (2 * ROUND))):
                made = await propose(rig, ROUND, number * ROUND)
                proposed |= {it.request_id for it in made}
                agreed, refused = await rounds[number % len(rounds)](Round(rig, one, two, door, made))
                yeses.update(agreed)
                noes.update(refused)
                rig.clock.advance(2 * TTL_S)
                await rig.core.beat()
        await rig.core.recorder.written()
        judge(rig, proposed, yeses, noes)

    play(tmp_path, scenario, TOML, wrap=Watched)


class Round(NamedTuple):
    """What is raced for, and by whom."""

    rig: Rig
    one: Racer
    two: Racer
    door: OperatorHttp
    made: list[Proposed]


Done = tuple[list[str], list[str]]
"""What was agreed to, and what was refused, as the racers were told: an ID for each time."""


def of(made: list[Proposed], done: list[bool]) -> list[str]:
    return [it.request_id for it, was_done in zip(made, done, strict=True) if was_done]


async def approve_and_approve(it: Round) -> Done:
    wanted = [approving(one) for one in it.made]
    first, second = await asyncio.gather(it.one.run(wanted), it.two.run(wanted))
    return of(it.made, first) + of(it.made, second), []


async def approve_and_refuse(it: Round) -> Done:
    first, second = await asyncio.gather(
        it.one.run([approving(one) for one in it.made]), it.two.run([refusing(one) for one in it.made])
    )
    return of(it.made, first), of(it.made, second)


async def approve_and_expire(it: Round) -> Done:
    """The time runs out once some of them are decided, and not all."""
    decided = asyncio.Event()
    it.rig.core.recorder.listen(lambda event: decided.set() if isinstance(event, ProposalDecided) else None)
    racing = asyncio.ensure_future(approve_and_approve(it))
    await decided.wait()
    it.rig.clock.advance(TTL_S)
    it.rig.core.approvals.expire(it.rig.clock.now)
    return await racing


async def approve_and_refuse_over_http(it: Round) -> Done:
    """From both ends, so that they meet: a socket is the faster way."""
    async with await Caller.signed_in(it.rig.core, it.door, Role.OPERATOR) as bob:
        token = str(bob.tokens["access_token"])
    backwards = it.made[::-1]
    first, second = await asyncio.gather(
        it.one.run([approving(one) for one in it.made]), it.two.refuse_over_http(it.door, token, backwards)
    )
    return of(it.made, first), of(backwards, second)


def judge(rig: Rig, proposed: set[str], yeses: Counter[str], noes: Counter[str]) -> None:
    """What the journal says, against what the racers were told."""
    events = [event for _, event in rig.entries()]
    decided = {it.request_id: it.state for it in events if isinstance(it, ProposalDecided)}
    times = Counter(it.request_id for it in events if isinstance(it, ProposalDecided))
    orders = Counter(str(it.request.request_id) for it in events if isinstance(it, OrderPermitted))
    given = Counter(it.request_id for it in events if isinstance(it, ApprovalGiven))
    assert decided.keys() == proposed
    assert set(times.values()) == {1}
    assert set(orders.values()) == {1}
    assert set(given.values()) == {1}
    approved = {name for name, state in decided.items() if state is ProposalState.APPROVED}
    assert orders.keys() <= approved == given.keys()
    assert set(yeses.values()) == {1}
    assert yeses.keys() <= approved
    assert set(noes.values()) <= {1}
    assert noes.keys() == {name for name, state in decided.items() if state is ProposalState.REFUSED}
    assert isinstance(rig.port, Watched)
    sent = Counter(map(str, rig.port.sent))  # fewer than permitted: a permit may have expired while the clock jumped
    assert set(sent.values()) == {1}
    assert sent.keys() <= orders.keys()
    states = Counter(decided.values())
    assert min(states[state] for state in (ProposalState.APPROVED, ProposalState.REFUSED, ProposalState.EXPIRED)) > 0
