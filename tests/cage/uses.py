"""What an honest plugin does inside the cage, one function each; it returns what the test expects to see."""

from __future__ import annotations

import array
import asyncio
import ctypes
import importlib
import os
import signal
import socket
import sqlite3
import ssl
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path


def threads() -> int:
    gate = threading.Barrier(41)
    started = [threading.Thread(target=gate.wait) for _ in range(40)]
    for thread in started:
        thread.start()
    gate.wait()
    for thread in started:
        thread.join()
    with ThreadPoolExecutor() as pool:
        return sum(pool.map(int, ["20", "22"]))


def event_loop() -> str:
    async def main() -> str:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        theirs.sendall(b"pong\n")
        writer.write(b"ping")
        await writer.drain()
        line = await reader.readline()
        in_thread = await asyncio.to_thread(theirs.recv, 4)
        loop.add_signal_handler(signal.SIGUSR1, lambda: None)
        os.kill(os.getpid(), signal.SIGUSR1)
        writer.close()
        theirs.close()
        return (line + in_thread).decode()

    return asyncio.run(main())


def tls() -> str:
    """A handshake needs a certificate; that the trusted ones are found and a client hello is made, does not."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="example.com")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return "hello" if outgoing.pending and context.cert_store_stats() is not None else "nothing"
    return "finished"


def signing() -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519
    from cryptography.hazmat.primitives.hashes import SHA256

    ed25519.Ed25519PrivateKey.generate().sign(b"x")
    return bool(ec.generate_private_key(ec.SECP256K1()).sign(b"x", ec.ECDSA(SHA256())))


def callback() -> list[int]:
    compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
    numbers = (ctypes.c_int * 4)(3, 1, 4, 2)
    ctypes.CDLL(None).qsort(numbers, 4, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
    return list(numbers)


def imports_after_closing() -> int:
    """Modules that nothing before needed, of source and compiled."""
    names = ("xml.etree.ElementTree", "sched", "email.mime.text", "http.client", "encodings.idna", "zoneinfo", "lzma",
             "unicodedata", "multiprocessing.connection", "urllib.request", "logging.config", "curses")  # fmt: skip
    return len([importlib.import_module(name) for name in names])


def time_zone() -> str:
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    return datetime(2026, 7, 1, 12, tzinfo=UTC).astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M %Z")


def state_folder(path: str) -> list[str]:
    """Everything that a program does to files of its own."""
    state = Path(path)
    (state / "a").mkdir()
    (state / "b").mkdir()
    with tempfile.NamedTemporaryFile(dir=state / "a", delete=False) as file:
        file.write(b"x")
    os.replace(file.name, state / "b" / "moved")
    (state / "b" / "moved").write_text("again")
    (state / "b" / "moved").touch()
    with open(state / "b" / "moved", "r+b") as held:
        os.truncate(held.fileno(), 2)
    (state / "a").rmdir()
    database = sqlite3.connect(state / "db")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (x)")
    database.execute("INSERT INTO t VALUES (1)")
    database.commit()
    database.close()
    with open(os.devnull, "w") as sink:
        sink.write("x")
    return sorted(str(found.relative_to(state)) for found in state.rglob("*"))


def passing_descriptors() -> str:
    """How a worker gets its way out: one end of a pair goes over a channel."""
    ours, theirs = socket.socketpair()
    near, far = socket.socketpair()
    socket.send_fds(ours, [b"x"], [far.fileno()])
    _, (received, *_), _, _ = socket.recv_fds(theirs, 1, 1)
    with socket.socket(fileno=received) as passed:
        passed.settimeout(5)
        passed.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        near.sendall(b"through")
        return passed.recv(16).decode()


def waiting_bytes() -> int:
    """FIONREAD, and a descriptor that does not block."""
    import fcntl
    import termios

    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    ours.sendall(b"abc")
    count = array.array("i", [0])
    fcntl.ioctl(theirs, termios.FIONREAD, count)
    return count[0]


def extension_from_memory(name: str, built: str) -> int:
    """Load a compiled extension from a sealed memfd, whose bytes nobody can change after they were checked."""
    import fcntl

    memory = os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(memory, bytes.fromhex(built))
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, 0xF)  # SEAL, SHRINK, GROW, WRITE
    path = f"/proc/self/fd/{memory}"
    spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
    assert spec is not None
    module = module_from_spec(spec)
    return int(module.answer())


def processes_are_refused_cleanly() -> str:
    """A library that looks for a program gets an error, and no dead process or lost thread."""
    import subprocess

    try:
        subprocess.run(["/bin/true"], check=True)
    except PermissionError:
        return "refused"
    return "ran"


def connect(port: int) -> str:
    """The broker's work: TCP outward, without blocking."""

    async def main() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        line = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return line.decode().strip()

    return asyncio.run(main())


def look_up() -> list[str]:
    """The broker's names: from the hosts file here, over UDP elsewhere."""
    found = socket.getaddrinfo("localhost", 443, type=socket.SOCK_STREAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", 53))
    return sorted({str(address[0]) for *_, address in found})


def state_of(measure: str) -> int:
    """What the kernel says about this process: prctl, or the limit on descriptors."""
    import resource

    if measure == "rlimits":
        return resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if measure == "no_core_dumps":
        return resource.getrlimit(resource.RLIMIT_CORE)[1]
    options = {"no_new_privileges": 39, "not_dumpable": 3, "seccomp": 21, "memory_deny_write_execute": 66}
    return int(ctypes.CDLL(None).prctl(options[measure], *[ctypes.c_ulong(0)] * 4))
