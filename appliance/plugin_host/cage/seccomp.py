"""The system calls of a caged process (seccomp(2)): what CPython, threads, TLS and number crunching need, and no more.

An allow-list, so that what nobody thought of is refused. It holds on every kernel since 3.17, whatever Landlock there
is: no socket, no process, no look at others, no change of what a file is called, owned by or allowed to.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Mapping

from appliance.plugin_host.cage.bpf import Argument, Conditions, program
from appliance.plugin_host.cage.libc import prctl
from appliance.plugin_host.cage.measures import Profile
from appliance.plugin_host.cage.syscalls import Machine, machine

_SET_SECCOMP, _GET_SECCOMP, _FILTER = 22, 21, 2

_FREE = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close close_range dup dup2 dup3
    pipe pipe2 access faccessat faccessat2 stat fstat lstat newfstatat statx statfs fstatfs readlink readlinkat getcwd
    chdir fchdir getdents getdents64 mkdir mkdirat rmdir unlink unlinkat rename renameat ftruncate fallocate fsync
    fdatasync sync_file_range flock umask sendfile copy_file_range fadvise64 readahead memfd_create
    select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd
    eventfd2 timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4
    munmap mremap madvise msync brk mlock mlock2 munlock munlockall membarrier
    futex set_robust_list set_tid_address rseq exit exit_group restart_syscall wait4 waitid
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack pause alarm
    getitimer setitimer nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times
    sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min
    getpriority getcpu getpid gettid getppid getpgid getpgrp getsid getuid geteuid getgid getegid getresuid getresgid
    getgroups capget getrlimit getrusage sysinfo uname getrandom
    sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg shutdown getsockopt getsockname getpeername
"""
"""Calls that reach nothing but this process, its descriptors, and files that Landlock rules over.

Left out on purpose, though they look harmless: modes, owners, times, attributes, links (they reach files that Landlock
lets a process read, and Landlock does not rule over them), truncate and inotify (by path, past Landlock's older
versions), scheduling and priorities (of any process of the same user), splice and io_uring (attack surface)."""

_UNKNOWN = ("clone3", "openat2")
"""Their flags stand in memory, where a filter cannot read them; the C library falls back on clone and openat."""

_OPEN_FLAGS = (0o0, 0o1, 0o2, 0o1001, 0o1002)
"""O_RDONLY, O_WRONLY, O_RDWR, and the latter two with O_TRUNC. Truncating what is opened for reading alone, and the
access mode 3, slip past Landlock before its version 3."""
_OPEN_MASK = 0o1003

_PROT_WRITE, _PROT_EXEC = 2, 4
_CLONE_THREAD = 0x00010000
_CLONE_MASK = 0x7E020000 | _CLONE_THREAD | 0x0000E000
"""Every new namespace (CLONE_NEW*), CLONE_PTRACE, CLONE_VFORK, CLONE_PARENT."""

_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032, 1033, 1034)
"""Duplicates, flags, locks, pipe sizes and seals. Not F_SETOWN and F_SETSIG, which send signals to other processes."""
_IOCTL = (0x5401, 0x802C542A, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
"""TCGETS and TCGETS2 (is it a terminal?), TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX."""
_PRCTL = (2, 3, 15, 16, 21, 39, 51, 66)
"""Reading PDEATHSIG, DUMPABLE, SECCOMP, NO_NEW_PRIVS, SVE_VL and MDWE; a thread's name, both ways."""

_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_DGRAM = 1, 2
_SOCK_KIND = 0xFFFFFFFF ^ (os.O_NONBLOCK | os.O_CLOEXEC)
_SOL_SOCKET = 1
_SOCKET_OPTIONS = (2, 4, 7, 8, 9, 13, 16, 18, 19, 20, 21, 66, 67)
"""REUSEADDR, ERROR, the buffers, KEEPALIVE, LINGER, PASSCRED, low-water marks, timeouts. No filters, no devices."""
_IPPROTO_IP, _IPPROTO_TCP, _IPPROTO_UDP, _IPPROTO_IPV6 = 0, 6, 17, 41

_STREAM_PAIR = (
    Argument(index=0, among=(_AF_UNIX,)),
    Argument(index=1, mask=_SOCK_KIND, among=(_SOCK_STREAM,)),
    Argument(index=2, among=(0,)),
)
"""A datagram pair could be sent on from, to any socket by its path."""


def _conditional(own_pid: int) -> Mapping[str, Conditions]:
    """Calls of which some forms are harmless."""
    own = (Argument(index=0, among=(own_pid,)),)
    return {
        "open": (Argument(index=1, mask=_OPEN_MASK, among=_OPEN_FLAGS),),
        "openat": (Argument(index=2, mask=_OPEN_MASK, among=_OPEN_FLAGS),),
        "renameat2": (Argument(index=4, among=(0, 1, 2)),),
        "fcntl": (Argument(index=1, among=_FCNTL),),
        "ioctl": (Argument(index=1, among=_IOCTL),),
        "mmap": (Argument(index=2, mask=_PROT_WRITE | _PROT_EXEC, among=(0, _PROT_WRITE, _PROT_EXEC)),),
        "mprotect": (Argument(index=2, mask=_PROT_EXEC, among=(0,)),),
        "clone": (Argument(index=0, mask=_CLONE_MASK, among=(_CLONE_THREAD,)),),
        "kill": own,
        "tkill": own,
        "tgkill": own,
        "prlimit64": (Argument(index=0, among=(0, own_pid)),),
        "prctl": (Argument(index=0, among=_PRCTL),),
        "socketpair": _STREAM_PAIR,
    }


def _sockets(profile: Profile) -> Mapping[str, Conditions]:
    """What a profile may do with sockets beyond using those that it was given."""
    if profile is Profile.WORKER:
        return {
            "setsockopt": (Argument(index=1, among=(_SOL_SOCKET,)), Argument(index=2, among=_SOCKET_OPTIONS)),
        }
    return {
        "socket": (
            Argument(index=0, among=(_AF_INET, _AF_INET6)),
            Argument(index=1, mask=_SOCK_KIND, among=(_SOCK_STREAM, _SOCK_DGRAM)),
            Argument(index=2, among=(0, _IPPROTO_TCP, _IPPROTO_UDP)),
        ),
        "connect": (),
        "setsockopt": (Argument(index=1, among=(_SOL_SOCKET, _IPPROTO_IP, _IPPROTO_TCP, _IPPROTO_IPV6)),),
    }


def allowed(profile: Profile, own_pid: int) -> Mapping[str, Conditions]:
    """Every call that a process of this profile may make, with its conditions."""
    return {**dict.fromkeys(_FREE.split(), ()), **_conditional(own_pid), **_sockets(profile)}


def lacks() -> str | None:
    """Why this kernel cannot filter system calls, or None when it can."""
    if machine() is None:
        return f"no table of system calls for {os.uname().machine}"
    try:
        prctl(_SET_SECCOMP, _FILTER)  # no filter is at address 0: EFAULT says that there could have been one
    except OSError as error:
        if error.errno == errno.EFAULT:
            return None
        return f"this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER): {error}"
    return "this kernel took a filter that was none"


def is_filtered() -> bool:
    """Whether a filter stands."""
    return prctl(_GET_SECCOMP) == _FILTER


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def install(profile: Profile, here: Machine) -> None:
    """Put the calling thread, and whatever it starts, behind the filter. Needs no-new-privileges."""
    lines = program(here, allowed(profile, os.getpid()), _UNKNOWN)
    filter_program = _Program(len(lines) // 8, lines)  # named, so that it lives until the kernel has read it
    prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(filter_program))
