"""One whole simulated life as a process: a script on standard input, what was seen on standard output.

    python -m tests.live.life caged FOLDER < script.json

Exits with 1 and the reason when a promise was broken; the folder then holds the journal and the venue's ledger.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
from msgspec import Struct

from appliance.local_exchange.account import Account
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from tests.live.caged import CagedLane, Served, served
from tests.live.checker import check, require
from tests.live.direct_host import DirectLane
from tests.live.rig import FUNDS, INSTRUMENT, KEY, SECRET, LiveRig
from tests.live.script import Playing, Step

ACCOUNT = "rig"
TICK_S = 0.1
OF_STREAMS = frozenset({Fault.SEQUENCE_GAP})
"""What only a stream of books can have."""


class Way(StrEnum):
    """How a core reaches its venue."""

    DIRECT = "direct"
    """The model in the same process."""
    CAGED = "caged"
    """Worker, ccxt, broker and wire; its prices are put on the bus as the venue tells them."""
    FED = "fed"
    """The same, and its prices come over the wire too, through a worker of their own."""


def faults_of(way: Way) -> tuple[Fault, ...]:
    """What can go wrong."""
    return tuple(fault for fault in Fault if way is Way.FED or fault not in OF_STREAMS)


class Seen(Struct, frozen=True):
    """What came of it."""

    counted: dict[str, int]
    faults: dict[str, int]


def open_exchange(folder: Path) -> tuple[LocalExchange, Account]:
    """The venue, with the key of the rig, writing its ledger."""
    exchange = LocalExchange([INSTRUMENT], lambda: datetime.now(UTC), ledger_path=folder / "ledger.jsonl")
    return exchange, exchange.register_key(KEY, SECRET, balances=FUNDS, account=ACCOUNT)


async def live(rig: LiveRig, script: list[Step], faults: tuple[Fault, ...]) -> Seen:
    """From a first start to a last stop, and the judgement."""
    await rig.begin()
    playing = Playing(rig, faults)
    try:
        await playing.play(script)
        await rig.come_to_rest()
    finally:
        await rig.end()
    check(rig.home.journal, rig.root / "ledger.jsonl", ACCOUNT)
    return Seen(dict(playing.tally), {str(fault): count for fault, count in rig.exchange.faults.seen.items()})


async def directly(folder: Path, script: list[Step]) -> Seen:
    exchange, account = open_exchange(folder)
    rig = LiveRig(folder, exchange, account, DirectLane(exchange, account))
    try:
        seen = await live(rig, script, faults_of(Way.DIRECT))
    finally:
        exchange.close()
    early = check(rig.home.journal, folder / "ledger.jsonl", ACCOUNT).taken_back
    require(not early, f"said to be absent, and the venue had them: {early}")
    return seen


def caged(folder: Path, script: list[Step], way: Way) -> Seen:
    opened: list[Account] = []

    def make() -> LocalExchange:
        exchange, account = open_exchange(folder)
        opened.append(account)
        return exchange

    with served(make) as venue:
        return asyncio.run(_with_lane(folder, venue, opened[0], script, way))


async def _with_lane(folder: Path, venue: Served, account: Account, script: list[Step], way: Way) -> Seen:
    lane = CagedLane(venue, is_fed=way is Way.FED)
    await lane.open()
    try:
        rig = LiveRig(folder, venue.exchange, account, lane)
        if lane.is_fed:
            venue.every(TICK_S, rig.show_again)
        return await live(rig, script, faults_of(way))
    finally:
        await lane.aclose()


def main(way: Way, folder: Path) -> None:
    script = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Step])
    seen = asyncio.run(directly(folder, script)) if way is Way.DIRECT else caged(folder, script, way)
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main(Way(sys.argv[1]), Path(sys.argv[2]))
