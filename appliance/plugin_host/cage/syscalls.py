"""The system calls that the cage knows by number, on x86_64 and aarch64.

Numbers from asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64) of Linux 6.1; none ever changes. `None` where
an architecture never had the call.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from msgspec import Struct


class Machine(Struct, frozen=True, kw_only=True):
    """One architecture as a seccomp filter sees it."""

    name: str
    """As uname(2) says it."""
    audit_arch: int
    """linux/audit.h; also says that the machine is of 64 bits and little-endian."""
    numbers: Mapping[str, int]
    """Its system calls by name, of those in the table."""


def machine() -> Machine | None:
    """The machine that this process runs on; None for one that the table does not know, or a process of 32 bits."""
    known = os.uname().machine
    return MACHINES.get(known) if sys.maxsize > 2**32 else None


HIGHEST = 450
"""The last number that this table was written against. What is above is new, and programs can do without it."""

# fmt: off
TABLE: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287),
    "lseek": (8, 62), "close": (3, 57), "close_range": (436, 436), "dup": (32, 23), "dup2": (33, None),
    "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59), "open": (2, None), "openat": (257, 56),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44),
    "readlink": (89, None), "readlinkat": (267, 78), "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50),
    "getdents": (78, None), "getdents64": (217, 61), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "ftruncate": (77, 46), "fallocate": (285, 47), "fsync": (74, 82), "fdatasync": (75, 83),
    "sync_file_range": (277, 84), "flock": (73, 32), "umask": (95, 166), "fcntl": (72, 25), "ioctl": (16, 29),
    "sendfile": (40, 71), "copy_file_range": (326, 285), "fadvise64": (221, 223), "readahead": (187, 213),
    "memfd_create": (319, 279), "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73),
    "epoll_create": (213, None), "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None),
    "epoll_pwait": (281, 22), "epoll_pwait2": (441, 441), "eventfd": (284, None), "eventfd2": (290, 19),
    "timerfd_create": (283, 85), "timerfd_settime": (286, 86), "timerfd_gettime": (287, 87), "signalfd": (282, None),
    "signalfd4": (289, 74), "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226),
    "madvise": (28, 233), "msync": (26, 227), "brk": (12, 214), "mlock": (149, 228),
    "mlock2": (325, 284), "munlock": (150, 229), "munlockall": (152, 231), "membarrier": (324, 283),
    "futex": (202, 98), "set_robust_list": (273, 99), "set_tid_address": (218, 96), "rseq": (334, 293),
    "clone": (56, 220), "clone3": (435, 435), "exit": (60, 93), "exit_group": (231, 94),
    "restart_syscall": (219, 128), "wait4": (61, 260), "waitid": (247, 95), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136), "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137), "sigaltstack": (131, 132), "pause": (34, None), "alarm": (37, None),
    "getitimer": (36, 102), "setitimer": (38, 103), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126), "getpriority": (140, 141),
    "getcpu": (309, 168), "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getpgid": (121, 155),
    "getpgrp": (111, None), "getsid": (124, 156), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "capget": (125, 90), "getrlimit": (97, 163), "prlimit64": (302, 261), "getrusage": (98, 165),
    "sysinfo": (99, 179), "uname": (63, 160), "getrandom": (318, 278), "prctl": (157, 167), "socket": (41, 198),
    "connect": (42, 203), "socketpair": (53, 199), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "recvfrom": (45, 207), "recvmsg": (47, 212), "recvmmsg": (299, 243), "shutdown": (48, 210),
    "getsockopt": (55, 209), "setsockopt": (54, 208), "getsockname": (51, 204), "getpeername": (52, 205),
    "openat2": (437, 437),
}
# fmt: on
"""Name: number on x86_64, number on aarch64."""

MACHINES: Mapping[str, Machine] = {
    name: Machine(
        name=name,
        audit_arch=audit_arch,
        numbers={call: number for call, row in TABLE.items() if (number := row[column]) is not None},
    )
    for column, (name, audit_arch) in enumerate({"x86_64": 0xC000003E, "aarch64": 0xC00000B7}.items())
}
