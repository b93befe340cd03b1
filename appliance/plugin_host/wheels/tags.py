"""Whether a wheel's file name says that it runs here: the Python, its binary interface, the platform.

(Sources: the wheel specification at packaging.python.org, PEP 425, PEP 600 for manylinux, PEP 384 for abi3.)
"""

from __future__ import annotations

import os
import re
import sys
from itertools import product

from msgspec import Struct

_FILE_NAME = re.compile(
    r"(?P<distribution>[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?)-(?P<version>[A-Za-z0-9._+!]+)"
    r"(?:-(?P<build>[0-9][A-Za-z0-9_.]*))?-(?P<python>[a-z0-9_.]+)-(?P<abi>[a-z0-9_.]+)-(?P<platform>[a-z0-9_.]+)\.whl"
)
_MANYLINUX = re.compile(r"manylinux_([0-9]{1,3})_([0-9]{1,3})_([a-z0-9_]+)")
_OLD_NAMES = {"manylinux1_": "manylinux_2_5_", "manylinux2010_": "manylinux_2_12_", "manylinux2014_": "manylinux_2_17_"}


class WheelName(Struct, frozen=True, kw_only=True):
    """What the file name of a wheel says."""

    distribution: str
    version: str
    tags: frozenset[tuple[str, str, str]]
    """Each a Python, a binary interface and a platform."""


class Interpreter(Struct, frozen=True, kw_only=True):
    """What runs here, as far as wheels must fit it."""

    minor: int
    """The 11 of Python 3.11; it is CPython."""
    abi: str
    """The binary interface of this very version, such as cp311."""
    machine: str
    glibc: tuple[int, int] | None
    """Major and minor version; None where the C library is another."""

    @classmethod
    def here(cls) -> Interpreter:
        """Of this process."""
        minor = sys.version_info.minor
        return cls(minor=minor, abi=f"cp3{minor}{sys.abiflags}", machine=os.uname().machine, glibc=_glibc())


def parse_name(file_name: str) -> WheelName | None:
    """The parts of a wheel's file name; None where it is none."""
    found = _FILE_NAME.fullmatch(file_name)
    if found is None:
        return None
    sets = (found[part].split(".") for part in ("python", "abi", "platform"))
    return WheelName(
        distribution=found["distribution"],
        version=found["version"],
        tags=frozenset(product(*sets)),
    )


def fits(name: WheelName, here: Interpreter) -> bool:
    """Whether one of the name's tags is good for this interpreter."""
    return any(_fits(*tag, here) for tag in name.tags)


def _fits(python: str, abi: str, platform: str, here: Interpreter) -> bool:
    if platform != "any" and not _platform_fits(platform, here):
        return False
    if abi == "none":
        return python in ("py3", here.abi, f"cp3{here.minor}") or _minor(python, "py3", here.minor)
    if abi == "abi3":
        return platform != "any" and here.abi == f"cp3{here.minor}" and _minor(python, "cp3", here.minor)
    return platform != "any" and (python, abi) == (f"cp3{here.minor}", here.abi)


def _minor(python: str, prefix: str, newest: int) -> bool:
    digits = python.removeprefix(prefix)
    return python.startswith(prefix) and bool(re.fullmatch(r"[0-9]{1,3}", digits)) and int(digits) <= newest


def _platform_fits(platform: str, here: Interpreter) -> bool:
    if platform == f"linux_{here.machine}":
        return True
    for old, new in _OLD_NAMES.items():
        platform = new + platform.removeprefix(old) if platform.startswith(old) else platform
    found = _MANYLINUX.fullmatch(platform)
    if found is None or here.glibc is None or found[3] != here.machine:
        return False
    return (int(found[1]), int(found[2])) <= here.glibc


def _glibc() -> tuple[int, int] | None:
    """(Source: confstr(3), `_CS_GNU_LIBC_VERSION`, such as `glibc 2.36`.)"""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (OSError, ValueError):
        return None
    found = re.match(r"([0-9]+)\.([0-9]+)", version)
    return (int(found[1]), int(found[2])) if name == "glibc" and found else None
