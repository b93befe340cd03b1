"""What a worker's process leaves behind before it is anything: descriptors, streams, environment, folder."""

from __future__ import annotations

import os
import signal
import stat
import sys
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from appliance.plugin_host.cage.libc import prctl

_SET_PDEATHSIG = 1
"""linux/prctl.h"""


class SurroundingsRefused(Exception):
    """The worker cannot live here. The message names the folder, and what is wrong with it."""


def go_first_when_memory_is_short() -> None:
    """Have the kernel end this process and its forks before the core, where memory runs out (proc(5), oom_score_adj).

    Limits bound what a process maps for itself, and not what it shares or keeps in memory files. Before the process is
    hardened: its entries in /proc are root's from then on.
    """
    # Where /proc cannot be written to, a fork has the value of its zygote, and the limits hold all the same.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def detach(keep: Collection[int]) -> None:
    """Drop everything that this process inherited, but for the descriptors in `keep`. Raises `OSError`.

    Standard streams lead nowhere, other descriptors are closed, the environment is empty. The process dies with the one
    that started it (prctl(2), PR_SET_PDEATHSIG), and not of an interrupt at the terminal.
    """
    prctl(_SET_PDEATHSIG, signal.SIGKILL)
    go_first_when_memory_is_short()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - numbers, not paths
        if descriptor > 2 and descriptor not in keep:  # the standard streams
            _close(descriptor)
    for descriptor in keep:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - the standard library's own signature
    os.environ.clear()


def settle(folder: str) -> None:
    """Make the state folder this process's home. Raises `SurroundingsRefused` where it is open to others.

    Nothing is ever imported from the folder: what a plugin wrote yesterday is not run today, outside the cage.
    """
    sys.path[:] = [path for path in sys.path if os.path.isabs(path)]  # noqa: PTH117 - text of the import system
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as fault:
        raise SurroundingsRefused(f"state folder {folder}: {fault.strerror}") from fault
    try:
        found = os.fstat(opened)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise SurroundingsRefused(f"state folder {folder}: mode {mode:o}, of user {found.st_uid}, lets others in")
        os.fchdir(opened)
    finally:
        os.close(opened)
    os.environ.update({"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "TZ": "UTC"})
    time.tzset()


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return  # the one that the folder was listed with
