"""One whole simulated life as a process: a script on standard input, what was seen on standard output.

    python -m tests.live.life caged FOLDER < script.json

Exits with 1 and the reason when a promise was broken; the folder then holds the journal and the venue's ledger.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
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
WITHOUT = frozenset({Fault.SEQUENCE_GAP})
"""Faults of a stream of books: the market-data source's own tests see them."""
FAULTS = tuple(fault for fault in Fault if fault not in WITHOUT)


class Seen(Struct, frozen=True):
    """What came of it."""

    counted: dict[str, int]
    faults: dict[str, int]


def open_exchange(folder: Path) -> tuple[LocalExchange, Account]:
    """The venue, with the key of the rig, writing its ledger."""
    exchange = LocalExchange([INSTRUMENT], lambda: datetime.now(UTC), ledger_path=folder / "ledger.jsonl")
    return exchange, exchange.register_key(KEY, SECRET, balances=FUNDS, account=ACCOUNT)


async def live(rig: LiveRig, script: list[Step]) -> Seen:
    """From a first start to a last stop, and the judgement."""
    await rig.begin()
    playing = Playing(rig, FAULTS)
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
        seen = await live(rig, script)
    finally:
        exchange.close()
    early = check(rig.home.journal, folder / "ledger.jsonl", ACCOUNT).taken_back
    require(not early, f"said to be absent, and the venue had them: {early}")
    return seen


def caged(folder: Path, script: list[Step]) -> Seen:
    opened: list[Account] = []

    def make() -> LocalExchange:
        exchange, account = open_exchange(folder)
        opened.append(account)
        return exchange

    with served(make) as venue:
        return asyncio.run(_with_lane(folder, venue, opened[0], script))


async def _with_lane(folder: Path, venue: Served, account: Account, script: list[Step]) -> Seen:
    lane = CagedLane(venue)
    await lane.open()
    try:
        return await live(LiveRig(folder, venue.exchange, account, lane), script)
    finally:
        await lane.aclose()


def main(lane: str, folder: Path) -> None:
    script = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Step])
    seen = caged(folder, script) if lane == "caged" else asyncio.run(directly(folder, script))
    sys.stdout.buffer.write(msgspec.json.encode(seen))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
