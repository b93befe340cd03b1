"""System calls as compiled code would make them: past everything that Python's own modules stand in the way with."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping

Facts = Mapping[str, str]
"""What an attacker could know: where the core is, and where others keep their things."""

libc = ctypes.CDLL(None, use_errno=True)

NUMBERS: Mapping[str, tuple[int, int]] = {
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219),
    "add_key": (248, 217), "io_uring_setup": (425, 425), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "name_to_handle_at": (303, 264), "kcmp": (312, 272), "process_madvise": (440, 440), "seccomp": (317, 277),
    "mount": (165, 40), "pivot_root": (155, 41), "shmget": (29, 194), "personality": (135, 92), "setns": (308, 268),
    "clone3": (435, 435), "pidfd_send_signal": (424, 424), "fanotify_init": (300, 262), "init_module": (175, 105),
}  # fmt: skip
"""Numbers on x86_64 and aarch64, from asm/unistd_64.h and asm-generic/unistd.h of Linux 6.1."""


def checked(result: int) -> int:
    """A call's result. Raises `OSError` with the error that it left."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def system_call(name: str, *arguments: object) -> int:
    """Make a call by its number. Raises `OSError`."""
    number = NUMBERS[name][os.uname().machine == "aarch64"]
    return checked(libc.syscall(number, *arguments))


def read(path: str) -> str:
    """Read the beginning of a file."""
    with open(path, "rb") as file:
        return f"read {len(file.read(64))} bytes"
