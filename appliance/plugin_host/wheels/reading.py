"""Reads a plugin's files once, from a folder in which nobody but its owner could have put them.

What is judged is what is read: one descriptor per file serves for both, and nothing is opened a second time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from appliance.plugin_host.wheels.refusal import WheelRefused

WHEEL_BYTES_MAX = 128 * 1024 * 1024
_OTHERS_WRITE = 0o022


def read_folder(folder: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The content of exactly these files of the folder, by name. Raises `WheelRefused`.

    The folder and every folder above it must belong to root or to us and be writable by nobody else (a folder above
    may be sticky, as /tmp is); the folder and the files are no links; no other file lies there.
    """
    names = sorted(names)
    _demand_safe_chain(folder)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as fault:
        raise WheelRefused(str(folder), "is no folder that can be opened", fault.strerror) from fault
    try:
        _demand_ours(str(folder), os.fstat(handle))
        strays = sorted(set(os.listdir(handle)) - set(names))  # noqa: PTH208 - by descriptor: a path could lead elsewhere
        if strays:
            raise WheelRefused(str(folder), "holds a file that is none of the plugin's", strays[0])
        return {name: _read_one(folder, name, handle) for name in names}
    finally:
        os.close(handle)


def read_file(path: Path) -> bytes:
    """The content of a file that a person named: a link is followed, the owner does not matter."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as fault:
        raise WheelRefused(str(path), "cannot be read", fault.strerror) from fault
    return _content(str(path), descriptor, judge_owner=False)


def _read_one(folder: Path, name: str, handle: int) -> bytes:
    shown = str(folder / name)
    if not name.endswith(".whl") or "/" in name or name.startswith("."):
        raise WheelRefused(shown, "is not the file name of a wheel")
    try:
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    except OSError as fault:
        what = "is a link" if _is_link(name, handle) else "cannot be read"
        raise WheelRefused(shown, what, fault.strerror) from fault
    return _content(shown, descriptor, judge_owner=True)


def _content(shown: str, descriptor: int, *, judge_owner: bool) -> bytes:
    """All that the descriptor reads, and the descriptor closed."""
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise WheelRefused(shown, "is no regular file")
        if judge_owner:
            _demand_ours(shown, found)
        content = file.read(WHEEL_BYTES_MAX + 1)
    if len(content) > WHEEL_BYTES_MAX:
        raise WheelRefused(shown, f"is larger than {WHEEL_BYTES_MAX} bytes")
    return content


def _demand_safe_chain(folder: Path) -> None:
    """From the root down: once a folder is ours alone, nobody else can change what its entries are."""
    if not folder.is_absolute() or ".." in folder.parts:
        raise WheelRefused(str(folder), "must be an absolute path")
    above = dict.fromkeys((*reversed(folder.parents), *reversed(Path(os.path.realpath(folder)).parents)))
    try:
        for one in above:
            _demand_ours(str(one), one.lstat(), sticky_is_safe=True)
        found = folder.lstat()
    except OSError as fault:
        raise WheelRefused(str(folder), "cannot be reached", fault.strerror) from fault
    if stat.S_ISLNK(found.st_mode):
        raise WheelRefused(str(folder), "is a link")


def _demand_ours(shown: str, found: os.stat_result, *, sticky_is_safe: bool = False) -> None:
    if found.st_uid not in (0, os.geteuid()):
        raise WheelRefused(shown, "belongs to neither root nor us", f"uid {found.st_uid}")
    if stat.S_ISLNK(found.st_mode) or (sticky_is_safe and found.st_mode & stat.S_ISVTX):
        return  # a link has no mode of its own; in a sticky folder others cannot rename or delete what is ours
    if found.st_mode & _OTHERS_WRITE:
        raise WheelRefused(shown, "can be written by others", f"mode {stat.S_IMODE(found.st_mode):o}")


def _is_link(name: str, handle: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
    except OSError:
        return False
