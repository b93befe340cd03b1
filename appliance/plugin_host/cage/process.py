"""What a process can take from itself without a filter: privileges, capabilities, dumps, resources."""

from __future__ import annotations

import errno
import resource
from pathlib import Path

from appliance.plugin_host.cage.libc import capget, capset_nothing, prctl
from appliance.plugin_host.cage.measures import Profile

# linux/prctl.h, linux/securebits.h and linux/capability.h
_GET_DUMPABLE, _SET_DUMPABLE = 3, 4
_CAPBSET_READ, _CAPBSET_DROP = 23, 24
_SET_SECUREBITS = 28
_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 38, 39
_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL = 47, 4
_SET_MDWE, _GET_MDWE = 65, 66
_MDWE_REFUSE_EXEC_GAIN = 1
_NO_ROOT_EVER = 0xEF
"""Root is no more than its user ID: NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE, each locked; KEEP_CAPS locked."""
_CAP_SETPCAP = 8

_MIB = 1024 * 1024
_LIMITS = {
    resource.RLIMIT_DATA: 1024 * _MIB,
    resource.RLIMIT_FSIZE: 64 * _MIB,
    resource.RLIMIT_MEMLOCK: 64 * 1024,
    resource.RLIMIT_NPROC: 4096,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_RTPRIO: 0,
    resource.RLIMIT_NICE: 0,
}
"""Bytes or counts. The kernel counts NPROC per user, over everything the user runs: it ends a flood of threads (a
process of its own, seccomp refuses), and is wide enough for a desktop. MEMLOCK leaves room for a key or two."""
_DESCRIPTORS = {Profile.WORKER: 256, Profile.BROKER: 4096}


def thread_count() -> int:
    """How many threads this process has, other than Python's too. Raises `OSError` where /proc is not mounted."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())


def has_no_new_privileges() -> bool:
    """Whether nothing that this process executes can gain privileges. Raises `OSError` before Linux 3.5."""
    return prctl(_GET_NO_NEW_PRIVS) == 1


def deny_new_privileges() -> None:
    """No set-user-ID program or file capability gives anything any more (prctl(2), PR_SET_NO_NEW_PRIVS)."""
    prctl(_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every capability, for good where that is allowed: root is then a user like any other."""
    prctl(_CAP_AMBIENT, _CAP_AMBIENT_CLEAR_ALL)
    effective = int.from_bytes(capget()[:4], "little")
    if effective & 1 << _CAP_SETPCAP:
        _empty_bounding_set()
        prctl(_SET_SECUREBITS, _NO_ROOT_EVER)
    capset_nothing()


def has_capabilities() -> bool:
    """Whether any capability is left."""
    return any(capget())


def _empty_bounding_set() -> None:
    for capability in range(64):
        try:
            held = prctl(_CAPBSET_READ, capability)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return  # the kernel knows no capability of this number
        if held:
            prctl(_CAPBSET_DROP, capability)


def limit_resources(profile: Profile) -> None:
    """Bound memory, descriptors, threads and file sizes, hard and soft. A lower limit that holds already stays."""
    limits = {**_LIMITS, resource.RLIMIT_NOFILE: _DESCRIPTORS[profile]}
    for name, most in limits.items():
        _, hard = resource.getrlimit(name)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (bound, bound))


def deny_core_dumps() -> None:
    """A crash leaves no file with this process's memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def deny_dumping() -> None:
    """Nobody of the same user may trace this process, read its memory or its environment (PR_SET_DUMPABLE)."""
    prctl(_SET_DUMPABLE, 0)


def is_dumpable() -> bool:
    """Whether others of the same user may look into this process."""
    return prctl(_GET_DUMPABLE) != 0


def denies_write_execute() -> bool:
    """Whether memory can no longer become executable. Raises `OSError` (EINVAL) before Linux 6.3."""
    return prctl(_GET_MDWE) & _MDWE_REFUSE_EXEC_GAIN != 0


def deny_write_execute() -> None:
    """Memory is never writable and executable at once, and never becomes executable (PR_SET_MDWE)."""
    prctl(_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN)
