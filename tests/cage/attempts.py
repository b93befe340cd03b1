"""What is tried inside the cage, one function each: it returns what it got, or raises the `OSError` that it met."""

from __future__ import annotations

import array
import ctypes
import fcntl
import mmap
import os
import resource
import signal
import socket
import struct
import termios

import appliance.plugin_host.cage.syscalls as table

libc = ctypes.CDLL(None, use_errno=True)
ARM = os.uname().machine == "aarch64"
PTRACE_SEIZE = 0x4206
CLONE_NEW = {"user": 0x10000000, "net": 0x40000000, "mount": 0x00020000, "pid": 0x20000000}
NUMBERS = {"add_key": (248, 217), "keyctl": (250, 219), "bpf": (321, 280), "perf_event_open": (298, 241),
           "io_uring_setup": (425, 425), "userfaultfd": (323, 282), "clone3": (435, 435), "kcmp": (312, 272),
           "process_madvise": (440, 440)}  # fmt: skip


def checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def syscall(name: str, *arguments: int) -> int:
    words = [ctypes.c_long(word) for word in arguments]
    return checked(libc.syscall(ctypes.c_long(NUMBERS[name][ARM]), *words))


def read(path: str) -> str:
    with open(path, "rb") as file:
        return f"read {len(file.read(16))} bytes"


def write(path: str) -> str:
    with open(path, "wb") as file:
        return f"wrote {file.write(b'x')} byte"


def open_for_writing(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


def list_folder(path: str) -> int:
    return len(os.listdir(path))


def truncate(path: str) -> None:
    os.truncate(path, 0)


def truncate_what_is_open_for_reading(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))


def open_for_neither(path: str) -> None:
    os.close(os.open(path, 3))


def change_mode(path: str) -> None:
    os.chmod(path, 0o777)


def change_mode_of_open(path: str) -> None:
    os.chmod(os.open(path, os.O_RDONLY), 0o777)


def change_times(path: str) -> None:
    os.utime(path, (0, 0))


def change_attributes(path: str) -> None:
    os.setxattr(path, "user.x", b"x")


def rename(old: str, new: str) -> None:
    os.rename(old, new)


def hard_link(old: str, new: str) -> None:
    os.link(old, new)


def symbolic_link(old: str, new: str) -> None:
    os.symlink(old, new)


def make_pipe_file(path: str) -> None:
    os.mkfifo(path)


def watch_folder(_path: str) -> int:
    return checked(libc.inotify_init1(0))


def copy_memory_of(pid: int, address: int) -> str:
    into = ctypes.create_string_buffer(6)
    local = (ctypes.c_ulong * 2)(ctypes.addressof(into), 6)
    remote = (ctypes.c_ulong * 2)(address, 6)
    checked(libc.process_vm_readv(pid, local, ctypes.c_ulong(1), remote, ctypes.c_ulong(1), ctypes.c_ulong(0)))
    return into.raw.decode()


def trace(pid: int) -> None:
    checked(libc.ptrace(ctypes.c_long(PTRACE_SEIZE), ctypes.c_long(pid), None, None))


def send_signal(pid: int) -> None:
    os.kill(pid, 0)


def send_signal_to_group() -> None:
    os.kill(0, 0)


def send_signal_when_readable(pid: int) -> None:
    ours, _ = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, pid)


def open_process(pid: int) -> None:
    os.close(os.pidfd_open(pid))


def limit_process(pid: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_NOFILE)


def pin_process(pid: int) -> None:
    os.sched_setaffinity(pid, os.sched_getaffinity(pid))


def slow_process(pid: int) -> None:
    os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))


def make_socket(family: int, kind: int, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


def connect_tcp(port: int) -> None:
    with socket.socket() as ours:
        ours.connect(("127.0.0.1", port))


def listen_tcp() -> None:
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        ours.listen()


def send_udp(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.sendto(b"x", ("127.0.0.1", port))


def connect_unix(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as ours:
        ours.connect(path.replace("@", "\0"))


def connect_given(descriptor: int, port: int) -> None:
    socket.socket(fileno=descriptor).connect(("127.0.0.1", port))


def make_pair(family: int, kind: int) -> None:
    for end in socket.socketpair(family, kind):
        end.close()


def filter_socket() -> None:
    ours, _ = socket.socketpair()
    allow_all = struct.pack("=HBBI", 6, 0, 0, 0xFFFFFFFF)
    held = ctypes.create_string_buffer(allow_all)
    ours.setsockopt(socket.SOL_SOCKET, 26, struct.pack("@HxxxxxxP", 1, ctypes.addressof(held)))


def execute(path: str) -> None:
    os.execv(path, [path, '{"value": "executed"}'])


def execute_memory() -> None:
    memory = os.memfd_create("program", 0)
    os.write(memory, b"""#!/bin/sh\necho '{"value": "executed"}'\n""")
    os.execve(memory, ["program"], {})


def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def vfork() -> None:
    """The C library's posix_spawn: clone(CLONE_VM | CLONE_VFORK)."""
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def raw_call(name: str) -> int:
    return syscall(name, 0, 0, 0, 0, 0)


def new_namespace(which: str) -> None:
    checked(libc.unshare(CLONE_NEW[which]))


def mount() -> None:
    checked(libc.mount(b"none", b"/is/not/there", b"tmpfs", ctypes.c_ulong(0), None))


def chroot() -> None:
    os.chroot("/")


def change_user() -> None:
    os.setresuid(os.getuid(), os.getuid(), os.getuid())


def set_personality() -> None:
    checked(libc.personality(ctypes.c_ulong(0xFFFFFFFF)))


def shared_memory() -> None:
    checked(libc.shmctl(checked(libc.shmget(0, ctypes.c_ulong(4096), 0o600)), 0, None))


def message_queue() -> None:
    queue = checked(libc.mq_open(b"/readytrader-test", os.O_CREAT | os.O_RDWR, 0o600, None))
    os.close(queue)
    checked(libc.mq_unlink(b"/readytrader-test"))


def write_and_execute_memory() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def make_memory_executable() -> None:
    with mmap.mmap(-1, 4096) as memory:
        held = (ctypes.c_char * 4096).from_buffer(memory)
        address = ctypes.addressof(held)
        result = libc.mprotect(ctypes.c_void_p(address), ctypes.c_ulong(4096), 5)
        number = ctypes.get_errno()
        del held
        if result:
            raise OSError(number, os.strerror(number))


def raise_limit() -> None:
    soft_and_hard = (ctypes.c_ulong * 2)(300, 300)
    checked(libc.setrlimit(int(resource.RLIMIT_NOFILE), soft_and_hard))


def prctl(option: int, argument: int) -> int:
    return checked(libc.prctl(option, ctypes.c_ulong(argument), *[ctypes.c_ulong(0)] * 3))


def type_into_terminal(descriptor: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSTI, array.array("b", b"x"))


def own_everything() -> list[int]:
    """What is left of this process's capabilities: effective, permitted, inheritable."""
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    checked(libc.capget(header, data))
    return [data[index] | data[index + 3] << 32 for index in range(3)]


def what_root_could_regain() -> list[int]:
    """The bounding set as a count (PR_CAPBSET_READ), and the securebits (PR_GET_SECUREBITS)."""
    bounds = [libc.prctl(23, ctypes.c_ulong(number), *[ctypes.c_ulong(0)] * 3) for number in range(64)]
    return [bounds.count(1), prctl(27, 0)]


def limits() -> dict[str, int]:
    return {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] for name in
            ("CORE", "DATA", "FSIZE", "MEMLOCK", "NOFILE")}  # fmt: skip


def every_call_that_is_not_in_the_list(names: list[str]) -> dict[int, str]:
    """Make every system call but those, with arguments that mean nothing, and say how each ended."""
    here = table.machine()
    assert here is not None
    allowed = {here.numbers[name] for name in names if name in here.numbers}
    if here.name == "x86_64":
        allowed |= {335, 336}  # uretprobe and uprobe: the kernel's own trampolines, which no filter sees
    ended = {}
    for number in (number for number in range(table.HIGHEST + 50) if number not in allowed):
        result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
        ended[number] = "let through" if result >= 0 else os.strerror(ctypes.get_errno())
    return ended


def call_of_another_architecture() -> None:
    """getpid through the x32 table, which has its own numbers."""
    checked(libc.syscall(ctypes.c_long(0x40000000 | 39)))


def die_of_a_signal() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
