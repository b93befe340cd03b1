"""What a hostile plugin tries on other processes: the core, its parent, another plugin."""

from __future__ import annotations

import ctypes
import os
import signal

from .calls import Facts, checked, libc, read, system_call

PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
PRIO_PROCESS = 0


class _Span(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def read_memory_of_core(facts: Facts) -> str:
    """The very bytes of a secret, through /proc."""
    with open(f"/proc/{facts['core']}/mem", "rb", buffering=0) as memory:
        memory.seek(int(facts["address"]))
        return f"read {memory.read(6)!r}"


def read_memory_of_parent(_: Facts) -> str:
    with open(f"/proc/{os.getppid()}/mem", "rb") as memory:
        return f"opened {memory.name}"


def read_environ_of_core(facts: Facts) -> str:
    return read(f"/proc/{facts['core']}/environ")


def read_environ_of_parent(_: Facts) -> str:
    return read(f"/proc/{os.getppid()}/environ")


def read_command_line_of_core(facts: Facts) -> str:
    return read(f"/proc/{facts['core']}/cmdline")


def list_descriptors_of_core(facts: Facts) -> str:
    return ", ".join(os.listdir(f"/proc/{facts['core']}/fd"))


def enter_root_of_core(facts: Facts) -> str:
    return ", ".join(os.listdir(f"/proc/{facts['core']}/root/"))


def list_processes(_: Facts) -> str:
    return ", ".join(os.listdir("/proc"))


def copy_memory_of_core(facts: Facts) -> str:
    buffer = ctypes.create_string_buffer(6)
    here, there = _Span(ctypes.addressof(buffer), 6), _Span(int(facts["address"]), 6)
    checked(libc.process_vm_readv(int(facts["core"]), ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
    return f"copied {buffer.raw!r}"


def write_memory_of_core(facts: Facts) -> str:
    buffer = ctypes.create_string_buffer(b"hacked")
    here, there = _Span(ctypes.addressof(buffer), 6), _Span(int(facts["address"]), 6)
    checked(libc.process_vm_writev(int(facts["core"]), ctypes.byref(here), 1, ctypes.byref(there), 1, 0))
    return "written"


def trace_core(facts: Facts) -> str:
    return f"attached: {checked(libc.ptrace(PTRACE_ATTACH, int(facts['core']), 0, 0))}"


def seize_sibling(facts: Facts) -> str:
    return f"seized: {checked(libc.ptrace(PTRACE_SEIZE, int(facts['sibling']), 0, 0))}"


def stop_core(facts: Facts) -> str:
    os.kill(int(facts["core"]), signal.SIGSTOP)
    return "stopped"


def probe_core(facts: Facts) -> str:
    os.kill(int(facts["core"]), 0)
    return "it is there, and would be reached"


def kill_sibling(facts: Facts) -> str:
    os.kill(int(facts["sibling"]), signal.SIGKILL)
    return "killed"


def kill_parent(_: Facts) -> str:
    os.kill(os.getppid(), signal.SIGKILL)
    return "killed"


def kill_everybody(_: Facts) -> str:
    os.kill(-1, signal.SIGKILL)
    return "killed"


def kill_own_group(_: Facts) -> str:
    os.killpg(0, signal.SIGKILL)
    return "killed"


def kill_sibling_by_descriptor(facts: Facts) -> str:
    descriptor = system_call("pidfd_open", int(facts["sibling"]), 0)
    return f"killed: {system_call('pidfd_send_signal', descriptor, signal.SIGKILL, None, 0)}"


def steal_descriptor_of_core(facts: Facts) -> str:
    descriptor = system_call("pidfd_open", int(facts["core"]), 0)
    return f"got {system_call('pidfd_getfd', descriptor, 1, 0)}"


def compare_with_core(facts: Facts) -> str:
    return f"compared: {system_call('kcmp', os.getpid(), int(facts['core']), 1, 0, 0)}"


def limit_core(facts: Facts) -> str:
    import resource

    return f"its limits: {resource.prlimit(int(facts['core']), resource.RLIMIT_NOFILE)}"


def starve_sibling(facts: Facts) -> str:
    os.setpriority(PRIO_PROCESS, int(facts["sibling"]), 19)
    return "at the lowest priority"


def pin_sibling(facts: Facts) -> str:
    os.sched_setaffinity(int(facts["sibling"]), {0})
    return "pinned"


def signal_core_when_readable(_: Facts) -> str:
    """F_SETOWN has the kernel send signals for us, to whomever it names."""
    import fcntl

    readable, _writable = os.pipe()
    fcntl.fcntl(readable, fcntl.F_SETOWN, os.getppid())
    return "the kernel would send it signals"
