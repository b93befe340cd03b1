"""The few calls of the C library that Python has no words for; each raises `OSError` with what failed."""

from __future__ import annotations

import ctypes
import os
from functools import cache


@cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, argument: int = 0, second: int = 0) -> int:
    """prctl(2). The arguments that an option does not use are zero, as newer options demand."""
    words = [ctypes.c_ulong(word) for word in (argument, second, 0, 0)]
    return _checked(_library().prctl(ctypes.c_int(option), *words), f"prctl {option}")


def syscall(name: str, number: int, *arguments: int | bytes | None) -> int:
    """syscall(2): a number, or bytes whose address is passed, for each argument."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(_library().syscall(ctypes.c_long(number), *words), name)


def capget() -> bytes:
    """The calling thread's capability sets (capget(2), version 3): effective, permitted, inheritable, twice."""
    data = ctypes.create_string_buffer(24)
    _checked(_library().capget(_CAPABILITY_HEADER, data), "capget")
    return data.raw


def capset_nothing() -> None:
    """Empty the calling thread's capability sets (capset(2))."""
    _checked(_library().capset(_CAPABILITY_HEADER, bytes(24)), "capset")


_CAPABILITY_HEADER = (0x20080522).to_bytes(4, "little") + bytes(4)
