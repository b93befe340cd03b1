"""A whole life is killed at its system calls, and its disk fills and fails: what was answered stays true, exactly."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.orders import OrderState

from appliance.domain.trading_state import TradingState
from tests.crash.life import TOML, prepare
from tests.service.checker import check, entries_of
from tests.service.ports import Watched
from tests.service.rig import Rig, buy, open_rig, require_whole
from tests.strace import strace

ROOT = Path(__file__).parents[2]
CALLS = ("write", "pwrite64", "fsync", "fdatasync")
FULL = os.environ.get("SWEEP") == "full"
SPREAD = 4
"""Points per system call, evenly over the life, beside those around each commit; `SWEEP=full` takes all."""
TERMINAL = {"filled", "cancelled", "expired", "rejected", "absent"}


def trace(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run one life under strace on `folder`."""
    search = [str(ROOT / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [strace(), "-f", "-qq", *options, sys.executable, "-m", "tests.crash.life", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)


Calls = list[tuple[str, str, bool]]
"""Thread, name, and whether it is a commit: an fdatasync of the write-ahead log."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that a life can begin in; copied for each."""
    folder = tmp_path_factory.mktemp("prepared")
    asyncio.run(prepare(folder))
    return folder


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """The system calls of one whole life, in order."""
    folder = copy_of(prepared, tmp_path_factory.mktemp("undisturbed") / "life")
    done = trace(folder, "-y", "-o", str(folder / "trace"), "-e", f"trace={','.join(CALLS)}")
    assert done.returncode == 0, done.stderr
    assert "filled:filled" in done.stdout
    pattern = re.compile(rf"^(\d+) +({'|'.join(CALLS)})\((?:\d+<([^>]*)>)?")
    found = (pattern.search(line) for line in (folder / "trace").read_text().splitlines())
    return [(m[1], m[2], m[2] == "fdatasync" and str(m[3]).endswith("journal.db-wal")) for m in found if m]


def copy_of(prepared: Path, folder: Path) -> Path:
    shutil.copytree(prepared, folder)
    return folder


def most_of(undisturbed: Calls, name: str) -> tuple[str, int]:
    """The thread that makes most calls of a name, and how many every life is sure to make.

    strace counts for each thread by itself. Lives differ by a few calls, as appends share commits or do not: the last
    twentieth is left out, so that a point that is aimed at is always reached.
    """
    thread, count = Counter(thread for thread, called, _ in undisturbed if called == name).most_common(1)[0]
    return thread, count - count // 20


def points(undisturbed: Calls, name: str) -> list[int]:
    """Which of the calls of one name to die at: all, or an even spread and those beside each fifth commit."""
    thread, count = most_of(undisturbed, name)
    if FULL or count <= SPREAD:
        return list(range(1, count + 1))
    chosen = {1 + (count - 1) * step // (SPREAD - 1) for step in range(SPREAD)}
    seen, commits = 0, 0
    for caller, called, is_commit in undisturbed:
        seen += (caller, called) == (thread, name)
        commits += is_commit
        if is_commit and commits % 5 == 0:
            chosen |= {seen, seen + 1}
    return sorted(point for point in chosen if 1 <= point <= count)


def kept(folder: Path) -> dict[str, str]:
    """The orders by ID with their states as the independent checker reads them; raises where a promise is broken."""
    checker = check(folder / "home" / "journal.db")
    return {order_id: seen.state for order_id, seen in checker.orders.items()}


def require_answers_kept(folder: Path, output: str) -> None:
    """Everything that was answered before the end is still so in the journal as it is on disk."""
    orders = kept(folder)
    for line in output.splitlines():
        name, _, identifier = line.partition(" ")
        state = name.partition(":")[2]
        if name.startswith("deposited"):
            assert any(kind == "funds.moved" for kind, _at, _body in entries_of(folder / "home" / "journal.db"))
        elif state == "held":
            assert any(kind == "proposal.made" for kind, _at, _body in entries_of(folder / "home" / "journal.db"))
        elif state:
            assert identifier in orders, f"{name}: {identifier} was answered and is lost"
            assert state not in TERMINAL or orders[identifier] == state, (
                f"{identifier}: {state}, now {orders[identifier]}"
            )


def recover(folder: Path) -> None:
    """Start again on what is left: nothing in doubt remains, nothing is sent, balances agree, and trading goes on."""

    home = folder / "home"
    stopped = (home / "halt").exists() or check(home / "journal.db").scopes.get("global") == "halted"

    async def life() -> None:
        async with open_rig(folder, TOML, wrap=Watched) as rig:
            assert isinstance(rig.port, Watched)
            assert rig.port.sent == []
            assert rig.core.findings.unknown == 0
            assert rig.core.findings.drifts == 0
            await require_agreement(rig)
            assert (rig.state() is TradingState.HALTED) == stopped
            await rig.core.halt.resume("operator", "after the crash")
            rig.quote()
            await rig.fund()
            before = len(rig.core.state.orders)
            await rig.place(buy("0.06"), key="afterwards")
            assert len(rig.core.state.orders) == before + 1
            await require_agreement(rig)

    asyncio.run(life())
    check(home / "journal.db")
    require_whole(home / "journal.db", home / "keys" / "checkpoint.key")


async def require_agreement(rig: Rig) -> None:
    for asset in ("USDT", "BTC"):
        assert rig.held(asset) == await rig.venue_total(asset)
    resting = {report.client_order_id for report in await rig.port.open_orders()}
    assert resting == set(rig.core.state.live_orders)
    doubtful = {OrderState.PERMITTED, OrderState.UNKNOWN}
    assert not doubtful & {order.state for order in rig.core.state.live_orders.values()}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_a_kill_at_any_system_call_loses_and_doubles_nothing(
    tmp_path: Path, prepared: Path, undisturbed: Calls, name: str
) -> None:
    for point in points(undisturbed, name):
        folder = copy_of(prepared, tmp_path / str(point))
        inject = f"inject={name}:signal=SIGKILL:when={point}"
        done = trace(folder, "-o", "/dev/null", "-e", f"trace={name}", "-e", inject)
        assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), f"{name} {point} did not die of it"
        if "open" in done.stdout:
            require_answers_kept(folder, done.stdout)
        recover(folder)


@pytest.mark.parametrize(("call", "error"), [("pwrite64", "ENOSPC"), ("pwrite64", "EIO"), ("fdatasync", "EIO")])
@pytest.mark.parametrize("part", [Decimal("0.5"), Decimal("0.8")])
def test_a_full_or_failing_disk_fails_closed(
    tmp_path: Path, prepared: Path, undisturbed: Calls, call: str, error: str, part: Decimal
) -> None:
    _, count = most_of(undisturbed, call)
    folder = copy_of(prepared, tmp_path / "life")
    inject = f"inject={call}:error={error}:when={int(count * part)}+"
    done = trace(folder, "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
    assert done.returncode == 3, done.stderr
    assert done.stdout.splitlines()[-1].strip() == "still-refused"
    require_answers_kept(folder, done.stdout)
    recover(folder)
