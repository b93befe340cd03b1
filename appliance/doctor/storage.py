"""Checks of the disk and of the journal on it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from appliance.doctor.findings import Finding, fail, ok, skipped, warn
from appliance.doctor.host import Host
from appliance.store.audit import verify
from appliance.store.checkpoint import InvalidCheckpoint
from appliance.store.database import JournalCorrupt, JournalUnavailable
from appliance.store.glance import Glance, glance

MIB = 1 << 20
SPACE_FAIL, SPACE_WARN = 200 * MIB, 2048 * MIB
FSYNC_WARN_S, FSYNC_FAIL_S = 0.05, 0.5
FSYNC_ROUNDS = 5
NEWEST = 4096
"""Entries that a quick look compares with the tree."""
CLOCK_BACK_MAX_S = 5.0
_ADVICE_DAMAGED = "readytrader audit verify tells everything that is wrong; keep a copy of the file as it is"

_VOLATILE = frozenset({"tmpfs", "ramfs"})
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs"})
"""File systems on which SQLite's write-ahead log does not work (its shared memory is of one host)."""


def space(host: Host) -> Iterator[Finding]:
    """Whether the journal has room to grow."""
    if not host.home.root.exists():
        yield skipped("there is no home")
        return
    disk = os.statvfs(host.home.root)
    free = disk.f_bavail * disk.f_frsize
    text = f"{free // MIB} MiB are free for us at {host.home.root}"
    if free < SPACE_FAIL:
        yield fail(text, "make room: a journal that cannot grow stops trading")
    elif free < SPACE_WARN:
        yield warn(text, "make room before it is needed")
    else:
        yield ok(text)


def file_system(host: Host) -> Iterator[Finding]:
    """Whether what is written there lasts."""
    mounts = host.read("proc/self/mounts")
    if mounts is None:
        yield skipped("the mounts cannot be read")
        return
    where, kind = _mount_of(host.home.root, mounts)
    if kind in _NETWORK:
        yield fail(f"{where} is {kind}: the journal needs a disk of this host", "move the home to a local disk")
    elif kind in _VOLATILE:
        yield warn(f"{where} is {kind}: after a restart of the host the journal is gone", "move the home to a disk")
    else:
        yield ok(f"{where} is {kind}")


def _mount_of(path: Path, mounts: str) -> tuple[str, str]:
    """The mount that a path is on, and its type (proc_pid_mounts(5))."""
    real, found = f"{path.resolve()}/", ("/", "unknown")
    for line in mounts.splitlines():
        _, mount, kind, *_ = line.split(" ")
        # A blank is \040 there, and what is no ASCII stands in UTF-8 as it is.
        point = mount.encode().decode("unicode_escape").encode("latin-1").decode(errors="replace").rstrip("/") + "/"
        if real.startswith(point) and len(point) >= len(found[0]):
            found = (point, kind)
    return found[0].rstrip("/") or "/", found[1]


def fsync(host: Host) -> Iterator[Finding]:
    """How long the disk takes to say that something is on it: each order waits for it twice."""
    if not host.home.root.exists():
        yield skipped("there is no home")
        return
    try:
        took = _fsync_s(host.home.root)
    except OSError as fault:
        yield fail(f"nothing can be written in {host.home.root}: {fault.strerror}", "mend the disk or its mount")
        return
    text = f"an fsync takes {took * 1000:.1f} ms"
    if took > FSYNC_FAIL_S:
        yield fail(text, "this disk is too slow or failing; each order waits for two of these")
    elif took > FSYNC_WARN_S:
        yield warn(text, "each order waits for two of these; a faster disk helps")
    else:
        yield ok(text)


def _fsync_s(folder: Path) -> float:
    """The median of a few, on a file that is gone afterwards."""
    times = []
    with tempfile.TemporaryFile(dir=folder, prefix=".doctor-") as file:
        for _ in range(FSYNC_ROUNDS):
            file.write(bytes(4096))
            file.flush()
            started = perf_counter()
            os.fsync(file.fileno())
            times.append(perf_counter() - started)
    return median(times)


def journal(host: Host) -> Iterator[Finding]:
    """Whether the journal is what was signed: its newest part, or with `--full` all of it."""
    looked = _glance(host)
    if isinstance(looked, Finding):
        yield looked
    elif not host.full:
        yield ok(f"{looked.size} entries are signed; the newest {looked.checked} are as they were written")
    else:
        report = verify(host.home.journal, host.home.vkey.read_text().strip())
        for finding in report.findings:
            yield fail(finding.text, _ADVICE_DAMAGED)
        if report.whole:
            yield ok(f"all {report.size} entries and {report.records} records are as they were written")


def clock_of_journal(host: Host) -> Iterator[Finding]:
    """Whether our clock is behind what was written already: then it was set back, or is wrong."""
    looked = _glance(host)
    if isinstance(looked, Finding) or looked.newest_at is None:
        yield skipped("there is no entry to compare with")
        return
    behind_s = (looked.newest_at - host.now).total_seconds()
    if behind_s > CLOCK_BACK_MAX_S:
        yield fail(
            f"this host's clock is {behind_s:.0f} s behind the newest entry",
            "set the clock; trust none of it until then",
        )
    else:
        yield ok("it is not behind the newest entry")


def _glance(host: Host) -> Glance | Finding:
    home = host.home
    if not home.journal.exists():
        return skipped("there is no journal yet")
    if not home.vkey.exists():
        return fail(f"{home.vkey} is missing", "put the public key back; it was shown at readytrader init")
    try:
        return glance(home.journal, home.vkey.read_text().strip(), NEWEST)
    except (JournalCorrupt, InvalidCheckpoint) as fault:
        return fail(str(fault), _ADVICE_DAMAGED)
    except JournalUnavailable as fault:
        return fail(str(fault), "look at the disk and at the file's mode")
