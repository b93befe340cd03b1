"""Each fault makes its own check say so, and no other: a sysadmin is sent to the one place that is wrong."""

from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import apsw
import msgspec
import pytest

from appliance.doctor import Level, storage, surroundings
from appliance.doctor.checks import CHECKS
from appliance.doctor.examination import examine
from appliance.doctor.findings import Check
from appliance.domain.operators import Role
from appliance.plugin_host.cage import CageReport, Measure
from appliance.service.sign_of_life import Life, SignFile
from appliance.transport.notice_results import NoticesStatus, NotifierView
from appliance.transport.operator_results import ScopeView
from tests.cli.appliances import Appliance
from tests.cli.conftest import appliance  # noqa: F401 - the fixture
from tests.doctor.ground import CONFIGURED, LIMITS, Ground, account

RANK = {Level.SKIPPED: 0, Level.OK: 0, Level.WARN: 1, Level.FAIL: 2}
EDIT = "UPDATE entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'BTC', 'ETH') AS BLOB)"
NOBODY = 65534
Fault = Callable[[Ground], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground.made(tmp_path_factory.mktemp("healthy"))


@pytest.fixture
def ground(whole: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    monkeypatch.setattr(surroundings, "clock_state", lambda: 0)
    monkeypatch.setattr(surroundings, "available", lambda: CageReport(measures=dict.fromkeys(Measure, "on")))
    copied = whole.copy(tmp_path)
    SignFile(copied.home.core_sign, lambda: copied.now).write(Life.RUNNING)
    copied.write(f"proc/{os.getpid()}/limits", LIMITS)
    for path in (copied.home.operator_socket, copied.home.agent_socket):
        os.mknod(path, stat.S_IFSOCK | 0o600)
    return copied


def venue(ground: Ground, **different: object) -> None:
    assert ground.status is not None
    ground.says(venues=(msgspec.structs.replace(ground.status.venues[0], **different),))


def worker(ground: Ground, **different: object) -> None:
    assert ground.status is not None
    ground.says(workers=(msgspec.structs.replace(ground.status.workers[0], **different),))


def source(ground: Ground, silent: timedelta) -> None:
    assert ground.status is not None
    one = ground.status.sources[0]
    ground.says(sources=(msgspec.structs.replace(one, last_tick_at=ground.status.now - silent),))


def edit_journal(ground: Ground, sql: str) -> None:
    connection = apsw.Connection(str(ground.home.journal))
    connection.execute(sql)
    connection.close()


def narrowed(ground: Ground) -> None:
    assert ground.status is not None
    state = ScopeView(scope="global", state="halted", by="alice", reason="odd", since=ground.now)
    ground.says(halted=True, states=(state,))


def hang(ground: Ground) -> None:
    ground.status, ground.silence = None, "the daemon does not answer"


FAULTS: dict[str, tuple[Fault, str, Level]] = {
    "a configuration that others can write": (lambda g: g.home.config.chmod(0o666), "configuration: file", Level.FAIL),
    "another configuration than the daemon's": (
        lambda g: g.says(configuration_digest="0" * 64), "configuration: in force", Level.WARN),
    "a daemon that does not answer": (hang, "daemon: answers", Level.FAIL),
    "a halt": (narrowed, "daemon: trading", Level.WARN),
    "a venue whose clock is far off": (lambda g: venue(g, clock_skew_ms=-60_000), "clock: venues", Level.FAIL),
    "a clock that was set back": (
        lambda g: setattr(g, "now", g.now - timedelta(days=1)), "clock: journal", Level.FAIL),
    "a home in memory": (
        lambda g: g.write("proc/self/mounts", f"tmpfs {g.folder} tmpfs rw 0 0\n"), "storage: file system", Level.WARN),
    "a home over the network": (
        lambda g: g.write("proc/self/mounts", f"host:/ {g.folder} nfs4 rw 0 0\n"), "storage: file system", Level.FAIL),
    "a journal of which an entry was changed": (
        lambda g: edit_journal(g, f"{EDIT} WHERE seq = 300"),
        "journal: verified", Level.FAIL),
    "a journal of which an older entry was changed": (
        lambda g: edit_journal(g, f"{EDIT} WHERE seq = 20"),
        "journal: verified", Level.FAIL),
    "a journal of which the end was cut off": (
        lambda g: edit_journal(g, "DELETE FROM entry WHERE seq > 350"), "journal: verified", Level.FAIL),
    "a journal without its public key": (lambda g: g.home.vkey.unlink(), "journal: verified", Level.FAIL),
    "a journal that cannot be written": (
        lambda g: g.says(journal_failure="no space left"), "journal: writable", Level.FAIL),
    "a folder that others can open": (lambda g: g.home.keys.chmod(0o755), "files: folders", Level.FAIL),
    "a key that others can read": (lambda g: g.home.permit_key.chmod(0o640), "files: keys", Level.FAIL),
    "a journal without the key that it was signed with": (
        lambda g: g.home.checkpoint_key.unlink(), "files: keys", Level.FAIL),
    "accounts that others can read": (lambda g: g.home.credentials.chmod(0o644), "files: keys", Level.FAIL),
    "a socket that others can open": (
        lambda g: g.home.operator_socket.chmod(0o666), "files: sockets", Level.FAIL),
    "a secret in a variable": (
        lambda g: g.environ.update(DESK_API_KEY="sesame"), "secrets: environment", Level.WARN),
    "a daemon that dumps core": (
        lambda g: g.write(f"proc/{os.getpid()}/limits", LIMITS.replace("  0  ", "  unlimited  ", 1)),
        "secrets: core dumps", Level.FAIL),
    "memory that goes to a disk": (
        lambda g: g.write("proc/swaps", "Filename\n/dev/sda2 partition 1 0 -2\n"), "secrets: swap", Level.WARN),
    "a stray plugin": (lambda g: (g.home.plugins / "stray").mkdir(), "plugins: files", Level.FAIL),
    "a worker that cannot work": (
        lambda g: worker(g, state="failed", last_error="its signature is not its publisher's"),
        "plugins: workers", Level.FAIL),
    "a worker that ended": (lambda g: worker(g, state="waiting"), "plugins: workers", Level.WARN),
    "a source that is silent": (lambda g: source(g, timedelta(minutes=2)), "market data: sources", Level.WARN),
    "a venue that is not fit": (lambda g: venue(g, fit=False, problem="drift"), "venues: fit", Level.FAIL),
    "an order of nobody here": (lambda g: venue(g, foreign_orders=("x",)), "venues: fit", Level.WARN),
    "a venue that cannot say absent": (lambda g: venue(g, caveats=("it cannot say",)), "venues: fit", Level.WARN),
    "a key that can withdraw": (lambda g: venue(g, can_withdraw=True), "venues: keys", Level.FAIL),
    "a key that ends soon": (
        lambda g: venue(g, key_expires_at=g.status.now + timedelta(days=2)),  # type: ignore[union-attr]
        "venues: keys", Level.WARN),
    "nobody who can do everything": (
        lambda g: g.accounts(account("bob", Role.VIEWER)), "operators: accounts", Level.WARN),
    "an admin without a second factor": (
        lambda g: g.accounts(account("bob")), "operators: second factor", Level.WARN),
    "a notifier that fails": (
        lambda g: g.says(notices=NoticesStatus(notifiers=(NotifierView(name="desk", waiting=3, problem="503"),))),
        "notifiers: delivery", Level.WARN),
    "notices that were given up": (
        lambda g: g.says(notices=NoticesStatus(failed=2)), "notifiers: delivery", Level.WARN),
    "a watchdog that is gone": (
        lambda g: g.says(watchdog=msgspec.structs.replace(g.status.watchdog, state="silent")),  # type: ignore[union-attr]
        "watchdog: alive", Level.FAIL),
}  # fmt: skip


def worse(before: dict[str, Level], after: dict[str, Level]) -> dict[str, Level]:
    return {name: level for name, level in after.items() if RANK[level] > RANK[before[name]]}


def test_a_healthy_host_passes_every_check(ground: Ground) -> None:
    levels = ground.levels()
    assert set(levels.values()) == {Level.OK}, levels
    assert len(levels) == len(CHECKS)
    assert set(ground.levels(full=True).values()) == {Level.OK}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_by_its_own_check_and_by_no_other(ground: Ground, fault: str) -> None:
    inject, check, level = FAULTS[fault]
    before = ground.levels()
    inject(ground)
    assert worse(before, ground.levels()) == {check: level}


def unsynchronised(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    monkeypatch.setattr(surroundings, "clock_state", lambda: surroundings.TIME_ERROR)


def walls_missing(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    lacking = {one: "this kernel has none" if one is Measure.SECCOMP else "on" for one in Measure}
    monkeypatch.setattr(surroundings, "available", lambda: CageReport(measures=lacking))


def disk_full(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    real = os.statvfs(ground.folder)
    monkeypatch.setattr(storage.os, "statvfs", lambda _path: os.statvfs_result((*real[:4], 10, *real[5:])))


def disk_broken(monkeypatch: pytest.MonkeyPatch, ground: Ground) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage.os, "fsync", broken)


HOST_FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch, Ground], None], str, Level]] = {
    "a clock that nothing sets": (unsynchronised, "clock: synchronised", Level.WARN),
    "a kernel without seccomp": (walls_missing, "plugins: cage", Level.FAIL),
    "a disk that is full": (disk_full, "storage: space", Level.FAIL),
    "a disk that fails": (disk_broken, "storage: fsync", Level.FAIL),
}


@pytest.mark.parametrize("fault", HOST_FAULTS)
def test_a_fault_of_the_host_is_told_by_its_own_check(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    inject, check, level = HOST_FAULTS[fault]
    before = ground.levels()
    inject(monkeypatch, ground)
    assert worse(before, ground.levels()) == {check: level}


def test_a_broken_configuration_fails_once_and_what_hangs_on_it_is_left_out(ground: Ground) -> None:
    before = ground.levels()
    ground.home.config.write_text("[limits]\nposition_max_pct = 0,05\n")
    assert worse(before, ground.levels()) == {"configuration: file": Level.FAIL}


@pytest.mark.parametrize("is_running", [True, False])
def test_a_port_that_is_not_ours_is_told(ground: Ground, *, is_running: bool) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ground.home.config.write_text(CONFIGURED.replace("http_port = 0", f"http_port = {port}"))
        if is_running:
            ground.says(configuration_digest="as the file")
            assert ground.levels()["listeners: addresses"] is Level.OK
            ground.write("proc/net/tcp", f"sl local_address rem st\n 0: 00000000:{port:04X} 00000000:0000 0A\n")
        else:
            ground.status = None
        assert ground.levels()["listeners: addresses"] is Level.FAIL


def test_nobody_to_tell_is_told(ground: Ground) -> None:
    before = ground.levels()
    ground.home.config.write_text(CONFIGURED.partition("[[notifier]]")[0])
    ground.says(configuration_digest="as the file")
    assert worse(before, ground.levels()) == {"notifiers: configured": Level.WARN}


def test_a_home_in_memory_is_found_whatever_its_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "Büro am Meer"
    other = Ground(folder)
    named = str(folder).replace(" ", "\\040")
    other.write("proc/self/mounts", f"/dev/sda1 / ext4 rw 0 0\ntmpfs {named} tmpfs rw 0 0\n")
    assert [finding.level for finding in storage.file_system(other.host())] == [Level.WARN]


def test_every_check_is_in_the_table() -> None:
    told = {check for _, check, _ in FAULTS.values()} | {check for _, check, _ in HOST_FAULTS.values()}
    elsewhere = {"listeners: addresses", "notifiers: configured"}
    assert told | elsewhere == {f"{check.section}: {check.name}" for check in CHECKS}
    for section in {check.section for check in CHECKS}:
        places = [index for index, check in enumerate(CHECKS) if check.section == section]
        assert places == list(range(places[0], places[0] + len(places)))


def test_a_check_that_fails_of_its_own_hides_no_other(ground: Ground) -> None:
    def broken(_host: object) -> list[object]:
        raise RuntimeError("a fault of ours")

    (first, second) = examine(ground.host(), (Check(section="a", name="b", look=broken), CHECKS[0]))  # type: ignore[arg-type]
    assert first.level is Level.FAIL
    assert second.level is Level.OK


def test_no_secret_is_in_what_it_says(ground: Ground) -> None:
    ground.environ["DESK_API_KEY"] = "sesame-open"
    for key in (ground.home.permit_key, ground.home.checkpoint_key):
        key.chmod(0o644)
    told = json.dumps(msgspec.to_builtins(list(examine(ground.host()))))
    assert "DESK_API_KEY" in told
    for secret in ("sesame-open", "c2VzYW1l", ground.home.permit_key.read_bytes().hex(), "JBSWY3DPEHPK3PXP"):
        assert secret not in told
    assert ground.home.checkpoint_key.read_text().strip() not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look at another user's home")
def test_root_may_look_at_anothers_home_and_leaves_nothing_of_its_own(ground: Ground) -> None:
    for path in (ground.home.operator_socket, ground.home.agent_socket):
        path.unlink()  # what cannot be copied
    with tempfile.TemporaryDirectory(prefix="rt-") as folder:
        theirs = ground.copy(Path(folder))
        for path in (theirs.folder, *theirs.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        levels = theirs.levels(full=True)
        assert worse(dict.fromkeys(levels, Level.OK), levels) == {}
        assert {path.lstat().st_uid for path in theirs.home.root.rglob("*")} == {NOBODY}


def test_the_verb_works_beside_the_daemon_and_without_it_and_changes_nothing(appliance: Appliance) -> None:  # noqa: F811
    alone = appliance.run("doctor", "--json")
    assert not (appliance.home / "journal.db").exists()
    assert json.loads(alone.stdout)["level"] in ("warn", "fail")
    daemon = appliance.serve()
    before = sorted(path for path in appliance.home.rglob("*") if "-shm" not in path.name and "-wal" not in path.name)
    beside = appliance.run("doctor")
    assert beside.returncode == 0, beside.stdout
    assert "OK      answers" in beside.stdout
    assert "FAIL" not in beside.stdout
    assert before == sorted(p for p in appliance.home.rglob("*") if "-shm" not in p.name and "-wal" not in p.name)
    (appliance.home / "keys" / "permit.key").chmod(0o644)
    wrong = appliance.run("doctor", "--full")
    assert wrong.returncode == 1
    assert "-> chmod 600" in wrong.stdout
    daemon.end()
