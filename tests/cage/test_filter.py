"""The filter itself: the table against the system's headers, and the program run by a small machine of our own."""

from __future__ import annotations

import errno
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.plugin_host.cage import Measure, Profile, bpf, seccomp
from appliance.plugin_host.cage.syscalls import HIGHEST, MACHINES, TABLE, Machine
from tests.cage.inside import attempt, needs

PID = 4242
ALLOW, KILL = 0x7FFF0000, 0x80000000
EPERM, ENOSYS = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
PROGRAMS = {
    (name, profile): bpf.program(here, seccomp.allowed(profile, PID), ("clone3", "openat2"))
    for name, here in MACHINES.items()
    for profile in Profile
}
MACHINE_NAMES = sorted(MACHINES)


def verdict(lines: bytes, number: int, *arguments: int, arch: int) -> int:
    """What the kernel would answer: classic BPF over struct seccomp_data, as far as filters use it."""
    filled = (*arguments, *[0] * (6 - len(arguments)))
    data = struct.pack("=IIQ6Q", number, arch, 0, *filled)
    at = accumulator = 0
    while True:
        code, if_true, if_false, constant = struct.unpack_from("=HBBI", lines, 8 * at)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, constant)
        elif code == 0x54:
            accumulator &= constant
        elif code == 0x06:
            return int(constant)
        else:
            holds = {0x15: accumulator == constant, 0x25: accumulator > constant, 0x35: accumulator >= constant}[code]
            at += if_true if holds else if_false


def asked(machine: str, call: str, *arguments: int, profile: Profile = Profile.WORKER) -> int:
    here = MACHINES[machine]
    return verdict(PROGRAMS[machine, profile], here.numbers[call], *arguments, arch=here.audit_arch)


def headers(machine: str) -> dict[str, int]:
    """The numbers that this system's C headers give the calls of a machine."""
    if machine == "x86_64":
        found = next(iter(Path("/usr/include").rglob("asm/unistd_64.h")), None)
        text = found.read_text() if found is not None and os.uname().machine == "x86_64" else ""
    else:
        found = Path("/usr/include/asm-generic/unistd.h")
        text = ""
        if found.exists() and (compiler := shutil.which("gcc")) is not None:
            wants = "__ARCH_WANT_NEW_STAT __ARCH_WANT_RENAMEAT __ARCH_WANT_SET_GET_RLIMIT __ARCH_WANT_SYS_CLONE3"
            source = "".join(f"#define {want}\n" for want in wants.split())
            source += "#define __BITS_PER_LONG 64\n#include <asm-generic/unistd.h>\n"
            done = subprocess.run(
                [compiler, "-E", "-dM", "-"], input=source, capture_output=True, text=True, check=True
            )
            text = done.stdout
    if not text:
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail(f"the kernel's headers for {machine} are missing: the table was not checked")
        pytest.skip(f"the kernel's headers for {machine} are not installed: the table was not checked")
    named = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.MULTILINE))
    meant = re.findall(r"#define __NR_(\w+)\s+__NR3264_(\w+)$", text, re.MULTILINE)
    return {name: int(number) for name, number in named.items()} | {
        name: int(named[other]) for name, other in meant if other in named
    }


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_the_table_agrees_with_the_headers(machine: str) -> None:
    known = headers(machine)
    ours = MACHINES[machine].numbers
    assert {name: known.get(name) for name in ours} == dict(ours)
    missing = [name for name in TABLE if name not in ours and name in known]
    assert not missing


@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_no_number_stands_for_two_calls(machine: str) -> None:
    numbers = MACHINES[machine].numbers
    assert len(set(numbers.values())) == len(numbers)
    assert max(numbers.values()) <= HIGHEST


@pytest.mark.parametrize("profile", Profile)
def test_every_name_that_is_let_through_is_in_the_table(profile: Profile) -> None:
    assert set(seccomp.allowed(profile, PID)) <= set(TABLE)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("machine", MACHINE_NAMES)
def test_only_listed_calls_are_let_through(machine: str, profile: Profile) -> None:
    here = MACHINES[machine]
    listed = {here.numbers[name] for name in seccomp.allowed(profile, PID) if name in here.numbers}
    no_flags = {here.numbers[name] for name in ("clone3", "openat2")}
    for number in range(HIGHEST + 100):
        if number not in listed:
            expected = ENOSYS if number in no_flags or number > HIGHEST else EPERM
            assert verdict(PROGRAMS[machine, profile], number, arch=here.audit_arch) == expected


@pytest.mark.parametrize("machine", MACHINE_NAMES)
@given(number=st.integers(0, 2**32 - 1), arch=st.integers(0, 2**32 - 1))
def test_a_call_of_another_architecture_ends_the_process(machine: str, number: int, arch: int) -> None:
    lines = PROGRAMS[machine, Profile.WORKER]
    if arch != MACHINES[machine].audit_arch:
        assert verdict(lines, number, arch=arch) == KILL


@given(number=st.integers(0x40000000, 2**32 - 1))
def test_the_second_table_of_x86_64_ends_the_process(number: int) -> None:
    here = MACHINES["x86_64"]
    assert verdict(PROGRAMS["x86_64", Profile.WORKER], number, arch=here.audit_arch) == KILL


BOUNDARIES = [
    # a call, arguments that come through, arguments that are refused
    ("mmap", (0, 1, 3), (0, 1, 7)),
    ("mmap", (0, 1, 5), (0, 1, 6)),
    ("mprotect", (0, 1, 3), (0, 1, 5)),
    ("clone", (0x3D0F00,), (0x11,)),
    ("clone", (0x3D0F00,), (0x3D0F00 | 0x10000000,)),
    ("clone", (0x3D0F00,), (0x3D0F00 & ~0x10000,)),
    ("kill", (PID, 9), (PID + 1, 9)),
    ("kill", (PID, 9), (0, 9)),
    ("kill", (PID, 9), (2**32 - 1, 9)),
    ("tgkill", (PID, 1, 9), (PID + 1, 1, 9)),
    ("prlimit64", (0, 7), (PID + 1, 7)),
    ("prctl", (15,), (4,)),
    ("prctl", (3,), (22,)),
    ("socketpair", (1, 1, 0), (1, 2, 0)),
    ("socketpair", (1, 1 | os.O_CLOEXEC, 0), (1, 5, 0)),
    ("socketpair", (1, 1 | os.O_NONBLOCK, 0), (2, 1, 0)),
    ("setsockopt", (3, 1, 9), (3, 1, 26)),
    ("setsockopt", (3, 1, 9), (3, 6, 1)),
    ("openat", (0, 0, 0o1102), (0, 0, 0o1000)),
    ("openat", (0, 0, 0o2000000), (0, 0, 3)),
    ("fcntl", (3, 4), (3, 8)),
    ("ioctl", (3, 0x5421), (3, 0x5412)),
    ("renameat2", (0, 0, 0, 0, 1), (0, 0, 0, 0, 4)),
]


@pytest.mark.parametrize("machine", MACHINE_NAMES)
@pytest.mark.parametrize(("call", "good", "bad"), BOUNDARIES)
def test_a_call_is_judged_by_its_arguments(
    machine: str, call: str, good: tuple[int, ...], bad: tuple[int, ...]
) -> None:
    assert asked(machine, call, *good) == ALLOW
    assert asked(machine, call, *bad) == EPERM


@pytest.mark.parametrize("machine", MACHINE_NAMES)
@given(domain=st.integers(0, 50), kind=st.integers(0, 12), protocol=st.integers(0, 300))
def test_the_broker_makes_tcp_and_udp_sockets_only(machine: str, domain: int, kind: int, protocol: int) -> None:
    is_way_out = domain in (2, 10) and kind in (1, 2) and protocol in (0, 6, 17)
    assert asked(machine, "socket", domain, kind, protocol, profile=Profile.BROKER) == (ALLOW if is_way_out else EPERM)
    assert asked(machine, "socket", domain, kind, protocol) == EPERM


@pytest.mark.parametrize("machine", MACHINE_NAMES)
@given(value=st.integers(0, 2**64 - 1))
def test_the_upper_half_of_an_int_does_not_count(machine: str, value: int) -> None:
    """The kernel cuts an int to 32 bits, so a filter that compared 64 could be talked past, or block by accident."""
    assert asked(machine, "kill", value, 9) == (ALLOW if value & 0xFFFFFFFF == PID else EPERM)


def test_the_kernel_refuses_every_call_that_is_not_listed(tmp_path: Path) -> None:
    needs(Measure.SECCOMP)
    ended = attempt("every_call_that_is_not_in_the_list", sorted(seccomp.allowed(Profile.WORKER, 0)), state=tmp_path)
    assert isinstance(ended.value, dict)
    assert len(ended.value) > 250
    assert set(ended.value.values()) == {os.strerror(errno.EPERM), os.strerror(errno.ENOSYS)}


def test_a_machine_that_lacks_an_old_call_has_the_new_one() -> None:
    """Each name without a number on one machine is an older form of a call that both have."""
    successors = {
        "dup2": "dup3", "pipe": "pipe2", "open": "openat", "access": "faccessat", "stat": "newfstatat",
        "lstat": "newfstatat", "readlink": "readlinkat", "getdents": "getdents64", "mkdir": "mkdirat",
        "rmdir": "unlinkat", "unlink": "unlinkat", "rename": "renameat", "select": "pselect6", "poll": "ppoll",
        "epoll_create": "epoll_create1", "epoll_wait": "epoll_pwait", "eventfd": "eventfd2", "signalfd": "signalfd4",
        "pause": "ppoll", "alarm": "setitimer", "time": "clock_gettime", "getpgrp": "getpgid",
    }  # fmt: skip
    lacking = {name for name, numbers in TABLE.items() if None in numbers}
    assert lacking == set(successors)
    both: list[Machine] = list(MACHINES.values())
    assert all(new in machine.numbers for new in successors.values() for machine in both)
