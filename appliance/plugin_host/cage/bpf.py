"""Write a seccomp filter: an allow-list of system calls, with conditions on their arguments, as classic BPF.

The program is a plain sequence, one block per call (seccomp(2), linux/filter.h). What no block lets through is refused.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Collection, Mapping

from msgspec import Struct

from appliance.plugin_host.cage.syscalls import HIGHEST, Machine

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_GREATER, _IF_AT_LEAST = 0x15, 0x25, 0x35
_KILL_PROCESS, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
"""Offsets in struct seccomp_data; an argument has 8 bytes, of which the lower 4 come first."""
_X32 = 0x40000000
"""The bit that selects the second table of calls that an x86_64 kernel may have."""
_WHOLE = 0xFFFFFFFF

Instruction = tuple[int, int, int, int]
"""Code, steps forward if true, steps forward if false, constant."""


class Argument(Struct, frozen=True, kw_only=True):
    """A condition on one argument's lower 32 bits, which are all that the kernel reads of an int or of these flags."""

    index: int
    among: tuple[int, ...]
    mask: int = _WHOLE
    """The bits that count."""


Conditions = tuple[Argument, ...]
"""All of them must hold; none means that the call is let through whatever its arguments are."""


def program(machine: Machine, allowed: Mapping[str, Conditions], unknown: Collection[str]) -> bytes:
    """The filter as the kernel reads it, an array of struct sock_filter.

    A call in `allowed` is let through under its conditions. One in `unknown`, and every one above the table, fails with
    ENOSYS, so that programs fall back on an older call; any other fails with EPERM. A call of another architecture ends
    the process.
    """
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_IF_EQUAL, 1, 0, machine.audit_arch),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine.name == "x86_64":
        lines += [(_IF_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, _KILL_PROCESS)]
    for name, conditions in allowed.items():
        if name in machine.numbers:
            lines += _block(machine.numbers[name], [*_checks(conditions), (_RETURN, 0, 0, _ALLOW)])
    for name in unknown:
        lines += _block(machine.numbers[name], [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    lines += [
        (_IF_GREATER, 0, 1, HIGHEST),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _block(number: int, lines: list[Instruction]) -> list[Instruction]:
    """These lines for the call of this number, and past them for any other. The lines end in a return."""
    return [(_IF_EQUAL, 0, len(lines), number), *lines]


def _checks(conditions: Conditions) -> list[Instruction]:
    lines: list[Instruction] = []
    for condition in conditions:
        lines.append((_LOAD, 0, 0, _ARGUMENTS_AT + 8 * condition.index))
        if condition.mask != _WHOLE:
            lines.append((_AND, 0, 0, condition.mask))
        # A match jumps over the rest of the candidates and the refusal behind them.
        left = len(condition.among)
        for value in condition.among:
            lines.append((_IF_EQUAL, left, 0, value))
            left -= 1
        lines.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return lines
