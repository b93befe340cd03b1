"""What a hostile plugin tries on the kernel and its own process: to become more, or other, than it is."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

from .calls import Facts, checked, libc, system_call

PR_SET_DUMPABLE, PR_SET_MM = 4, 35
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWPID = 0x10000000, 0x40000000, 0x20000000
IPC_CREAT = 0o1000
MiB = 1 << 20


def execute_a_shell(_: Facts) -> str:
    os.execv("/bin/sh", ["/bin/sh", "-c", "echo GOT a shell"])


def execute_own_file(_: Facts) -> str:
    program = Path("program")
    program.write_text("#!/bin/sh\necho GOT a program\n")
    program.chmod(0o700)
    os.execv("./program", ["program"])


def execute_a_file_as_it_is(_: Facts) -> str:
    """Without changing its mode first."""
    os.close(os.open("program2", os.O_CREAT | os.O_WRONLY, 0o700))
    Path("program2").write_text("#!/bin/sh\necho GOT a program\n")
    os.execv("./program2", ["program2"])


def execute_from_memory(_: Facts) -> str:
    descriptor = os.memfd_create("program", 0)
    os.write(descriptor, b"#!/bin/sh\necho GOT a program\n")
    os.execve(descriptor, ["program"], {})


def spawn_a_shell(_: Facts) -> str:
    return f"spawned {os.posix_spawn('/bin/sh', ['/bin/sh', '-c', 'exit 0'], {})}"


def run_a_subprocess(_: Facts) -> str:
    import subprocess

    return f"ran, {subprocess.run(['/bin/true'], check=False).returncode}"


def start_with_multiprocessing(_: Facts) -> str:
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=os.getpid)
    process.start()
    return f"started {process.pid}"


def fork_once(_: Facts) -> str:
    child = os.fork()
    if child == 0:
        os._exit(0)
    return f"forked {child}"


def fork_bomb(_: Facts) -> str:
    """Small for a bomb: the first would be one too many."""
    children = 0
    for _attempt in range(100):
        child = libc.fork()
        if child == 0:
            os._exit(0)
        children += child > 0
    if not children:
        raise PermissionError(ctypes.get_errno(), "none of 100 forks")
    return f"{children} children"


def fork_by_number(_: Facts) -> str:
    return f"cloned {system_call('clone3', ctypes.create_string_buffer(64), 64)}"


def thread_bomb(_: Facts) -> str:
    """Threads are allowed, and bounded."""
    release = threading.Event()
    started = []
    try:
        for _attempt in range(20_000):
            thread = threading.Thread(target=release.wait, daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError) as fault:
        raise BlockingIOError(11, f"stopped after {len(started)} threads") from fault
    finally:
        release.set()
        for thread in started:
            thread.join()
    return f"{len(started)} threads"


def eat_memory(_: Facts) -> str:
    import mmap

    held = [mmap.mmap(-1, 256 * MiB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _attempt in range(32)]
    return f"{len(held)} times 256 MiB"


def open_files_without_end(_: Facts) -> str:
    held: list[int] = []
    try:
        while len(held) < 100_000:
            held.append(os.dup(2))
    finally:
        for descriptor in held:
            os.close(descriptor)
    return f"{len(held)} descriptors"


def new_user_namespace(_: Facts) -> str:
    return f"in a new one: {checked(libc.unshare(CLONE_NEWUSER | CLONE_NEWNET))}"


def join_namespace_of_core(_: Facts) -> str:
    return f"joined: {system_call('setns', 0, CLONE_NEWPID)}"


def mount_a_folder(facts: Facts) -> str:
    return f"mounted: {system_call('mount', b'none', facts['outside'].encode(), b'tmpfs', 0, None)}"


def become_dumpable(_: Facts) -> str:
    return f"dumpable: {checked(libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))}"


def rewrite_own_memory_map(_: Facts) -> str:
    return f"set: {checked(libc.prctl(PR_SET_MM, 1, 0x400000, 0, 0))}"


def become_root(_: Facts) -> str:
    os.setuid(0)
    return f"user {os.getuid()}"


def become_somebody_else(_: Facts) -> str:
    os.setresuid(65534, 65534, 65534)
    return f"user {os.getuid()}"


def leave_session(_: Facts) -> str:
    os.setsid()
    return "left"


def _limited(which: int, most: int) -> int:
    """As `resource.setrlimit`, which hides the error number."""
    return checked(libc.setrlimit(which, (ctypes.c_ulong * 2)(most, most)))


def raise_own_limits(_: Facts) -> str:
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"raised: {_limited(resource.RLIMIT_NOFILE, hard + 1)}"


def dump_core(_: Facts) -> str:
    import resource

    return f"may dump: {_limited(resource.RLIMIT_CORE, 1 << 30)}"


def share_memory_with_others(_: Facts) -> str:
    return f"segment {system_call('shmget', 0x5254, 4096, IPC_CREAT | 0o600)}"


def set_up_io_uring(_: Facts) -> str:
    return f"ring {system_call('io_uring_setup', 4, ctypes.create_string_buffer(120))}"


def load_a_kernel_program(_: Facts) -> str:
    return f"map {system_call('bpf', 0, ctypes.create_string_buffer(72), 72)}"


def watch_the_processor(_: Facts) -> str:
    return f"opened {system_call('perf_event_open', ctypes.create_string_buffer(120), 0, -1, -1, 0)}"


def handle_own_page_faults(_: Facts) -> str:
    return f"opened {system_call('userfaultfd', 0)}"


def read_keys_of_the_session(_: Facts) -> str:
    return f"keyring {system_call('keyctl', 0, -3, 0)}"


def replace_the_filter(_: Facts) -> str:
    return f"set: {system_call('seccomp', 1, 0, ctypes.create_string_buffer(16))}"


def change_personality(_: Facts) -> str:
    return f"was {system_call('personality', 0x0400000)}"


def map_writable_code(_: Facts) -> str:
    import mmap

    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return "mapped"


def make_data_executable(_: Facts) -> str:
    import mmap

    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return f"made: {checked(libc.mprotect(ctypes.c_void_p(address), 4096, 1 | 4))}"
