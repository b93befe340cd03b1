"""Landlock (landlock(7)): which files can be opened, and that no TCP port, abstract socket or process can be reached.

Everything that the kernel's version can handle is handled, and only the given paths are let through. What is let
through holds for a folder with all that is below it, by what the path leads to now: a symbolic link that points
elsewhere opens nothing.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

from appliance.plugin_host.cage.libc import syscall
from appliance.plugin_host.cage.measures import CageRefused, Measure, Profile

# The numbers are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
_PATH_BENEATH = 1

# linux/landlock.h: rights on files
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_FILE_BITS = {1: 13, 2: 14, 3: 15, 5: 16, 9: 17}
"""From which version on how many rights on files are known, counted from the lowest bit."""
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2

_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
"""No device node, socket, pipe or symbolic link is ever made, nothing is executed. REFER lets a file move between the
folders that have it; out of them, or into them, it cannot."""
_ON_A_FILE = _WRITE_FILE | _READ_FILE | _TRUNCATE

_NEEDS = {Measure.LANDLOCK_FILES: 1, Measure.LANDLOCK_TCP: 4, Measure.LANDLOCK_SCOPES: 6}


def abi() -> int:
    """The version of Landlock in this kernel. Raises `OSError` (ENOSYS, EOPNOTSUPP) where there is none."""
    return syscall("landlock_create_ruleset", _CREATE_RULESET, None, 0, _VERSION)


def lacks() -> Mapping[Measure, str]:
    """The measures that this kernel's Landlock cannot give, each with the reason."""
    try:
        version = abi()
    except OSError as error:
        why = {
            errno.ENOSYS: "this kernel has no Landlock (Linux 5.13)",
            errno.EOPNOTSUPP: "Landlock is switched off in this kernel (boot parameter lsm=)",
        }.get(error.errno or 0, f"Landlock is out of reach here: {error}")
        return dict.fromkeys(_NEEDS, why)
    return {
        measure: f"Landlock ABI {version}, this needs {needed}"
        for measure, needed in _NEEDS.items()
        if version < needed
    }


def restrict(
    measures: Collection[Measure], profile: Profile, *, read_paths: Sequence[str], write_paths: Sequence[str]
) -> None:
    """Put the calling thread, and whatever it starts, behind the measures that are named among Landlock's.

    Needs no-new-privileges. Raises `CageRefused` for a path that cannot be let through as it was asked for, and
    `OSError` when the kernel refuses.
    """
    handled = _handled(measures, profile, abi())
    if not any(handled):
        return
    ruleset = syscall("landlock_create_ruleset", _CREATE_RULESET, struct.pack("=QQQ", *handled), 24, 0)
    try:
        if Measure.LANDLOCK_FILES in measures:
            for path in read_paths:
                _let_through(ruleset, path, _READ & handled[0])
            for path in write_paths:
                _let_through(ruleset, path, _WRITE & handled[0], os.O_DIRECTORY | os.O_NOFOLLOW)
            _let_through(ruleset, os.devnull, (_READ_FILE | _WRITE_FILE) & handled[0])
        syscall("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(measures: Collection[Measure], profile: Profile, version: int) -> tuple[int, int, int]:
    """What is refused unless a rule lets it through: of files, of TCP, and what has no rules (scopes)."""
    files = tcp = scopes = 0
    if Measure.LANDLOCK_FILES in measures:
        bits = max(count for since, count in _FILE_BITS.items() if since <= version)
        files = (1 << bits) - 1
    if Measure.LANDLOCK_TCP in measures:
        tcp = _BIND_TCP if profile is Profile.BROKER else _BIND_TCP | _CONNECT_TCP
    if Measure.LANDLOCK_SCOPES in measures:
        scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS
    return files, tcp, scopes


def _let_through(ruleset: int, path: str, rights: int, flags: int = 0) -> None:
    if not PurePath(path).is_absolute():
        raise CageRefused(f"{Measure.LANDLOCK_FILES}: {path!r} is not an absolute path")
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC | flags)
    except OSError as error:
        raise CageRefused(f"{Measure.LANDLOCK_FILES}: cannot open {path!r}: {error.strerror}") from error
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _ON_A_FILE
        syscall("landlock_add_rule", _ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
    except OSError as error:
        raise CageRefused(f"{Measure.LANDLOCK_FILES}: {path!r} cannot be let through: {error}") from error
    finally:
        os.close(opened)
