"""Reads the secrets that a worker was granted, before its cage closes; each is one file that nobody else can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence

BYTES_MAX = 64 * 1024


class CredentialRefused(Exception):
    """A secret's file is not there, or not closed to others. The message names the file and its mode, never content."""


def read_credentials(folder: str, names: Sequence[str], optional: Sequence[str] = ()) -> Mapping[str, str]:
    """The secrets of these names: UTF-8 text, without one newline at its end. One of `optional` may be missing.

    Each is a regular file in `folder`, no link, that belongs to this user or to root, is closed to everybody else, and
    holds at most 64 KiB. Raises `CredentialRefused`.
    """
    if not names and not (optional and os.path.lexists(folder)):
        return {}
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CredentialRefused(f"{folder}/{[*names, *optional][0]}: is missing") from None
    except OSError as fault:
        raise CredentialRefused(f"{folder}: {fault.strerror}") from fault
    try:
        _demand_closed(opened, folder, stat.S_IWGRP | stat.S_IWOTH)
        there = [name for name in optional if _is_there(opened, name)]
        return {name: _read(opened, folder, name) for name in (*names, *there)}
    finally:
        os.close(opened)


def _is_there(folder: int, name: str) -> bool:
    """Whether anything has this name; whether it may be read is asked by reading."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it will say what is wrong
    return True


def _read(folder: int, folder_name: str, name: str) -> str:
    path = f"{folder_name}/{name}"
    if not name or "/" in name or name in (".", ".."):
        raise CredentialRefused(f"{name[:80]!r} is no name of a secret")
    try:
        # Not blocking: opening a pipe would wait for its writer.
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise CredentialRefused(f"{path}: is missing") from None
    except OSError as fault:
        raise CredentialRefused(f"{path}: {fault.strerror}") from fault
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise CredentialRefused(f"{path}: is no regular file")
        _demand_closed(opened, path, 0o077)
        with os.fdopen(opened, "rb", closefd=False) as file:
            content = file.read(BYTES_MAX + 1)
    finally:
        os.close(opened)
    if len(content) > BYTES_MAX:
        raise CredentialRefused(f"{path}: more than {BYTES_MAX} bytes")
    try:
        text = content.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise CredentialRefused(f"{path}: is not UTF-8 text") from None
    if not text:
        raise CredentialRefused(f"{path}: is empty")
    return text


def _demand_closed(opened: int, path: str, forbidden: int) -> None:
    found = os.fstat(opened)
    if found.st_uid not in (os.geteuid(), 0):
        raise CredentialRefused(f"{path}: belongs to user {found.st_uid}")
    if found.st_mode & forbidden:
        raise CredentialRefused(f"{path}: mode {stat.S_IMODE(found.st_mode):o} lets others in")
