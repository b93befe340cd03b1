"""A worker's sockets, in a caged process, with the real broker."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from appliance.plugin_host.worker.names import Names
from appliance.plugin_host.worker.pipes import Channel, Deadline, Reply, request
from tests.egress.rig import echo, egress, greet, in_worker, rights, server

WORLD: dict[str, Any] = {"names": {"there.lan": [["127.0.0.1"]], "xn--caf-dma.lan": [["127.0.0.1"]]}}


def answer(
    code: str,
    *arguments: object,
    serve: Callable[[socket.socket], None] = echo,
    world: dict[str, Any] | None = None,
    hosts: tuple[str, ...] = ("there.lan", "127.0.0.1", "xn--caf-dma.lan"),
) -> Any:
    """What some code answers in a worker that may reach a server as `there.lan`; `port` is known to it."""

    async def run() -> Any:
        with server(serve) as there:
            async with egress(WORLD | (world or {})) as handle:
                granted = rights(*((host, there.port) for host in hosts), ("unbound.lan", 1), ("mute.lan", 443))
                with await handle.channel("a", granted) as channel:
                    return await in_worker(channel, f"port = {there.port}\n{code}", *arguments)

    return asyncio.run(run())


def test_a_connection_by_name_and_one_by_address() -> None:
    code = """
answer = []
for host in ("there.lan", "THERE.lan.", "127.0.0.1", "café.lan"):
    with socket.create_connection((host, port)) as sock:
        answer.append(exchange(sock, host.encode()))
"""
    assert answer(code) == ["there.lan", "THERE.lan.", "127.0.0.1", "café.lan"]


def test_a_server_that_speaks_first_is_heard_to_the_byte() -> None:
    code = """
async def ask():
    reader, writer = await asyncio.open_connection("there.lan", port)
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line.decode()

with socket.create_connection(("there.lan", port)) as sock:
    answer = [sock.recv(100).decode(), run(ask())]
"""
    assert answer(code, serve=greet) == ["hello, I speak first\n"] * 2


def test_a_socket_looks_like_tcp() -> None:
    code = """
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
answer = [outcome(sock.getpeername)[1]]
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
address = socket.getaddrinfo("there.lan", port, type=socket.SOCK_STREAM)[0][4]
sock.settimeout(7)
sock.connect(address)
assert sock.gettimeout() == 7 and sock.getblocking()
assert sock.family is socket.AF_INET and sock.type is socket.SOCK_STREAM
assert sock.getpeername() == address, sock.getpeername()
assert sock.getsockname() == ("0.0.0.0", 0)
assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 0
assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8) == bytes(8)
assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
answer.append(outcome(sock.connect, address)[1])
with sock.dup() as copy:
    assert copy.getpeername() == address
sock.settimeout(None)
again = socket.socket(fileno=sock.detach())
assert again.family is socket.AF_INET and again.getpeername() == address
answer.append(exchange(again, b"x"))
again.close()
"""
    assert answer(code) == [
        "[Errno 107] Transport endpoint is not connected",
        "[Errno 106] Transport endpoint is already connected",
        "x",
    ]


def test_a_non_blocking_socket_stays_one() -> None:
    code = """
import select
sock = socket.socket()
sock.setblocking(False)
code = sock.connect_ex(("there.lan", port))
answer = [code, outcome(sock.recv, 1)[0]]
sock.send(b"x")
select.select([sock], [], [], 10)
answer.append(sock.recv(1).decode())
sock.close()
"""
    assert answer(code) == [0, "BlockingIOError", "x"]


def test_a_refusal_names_the_target_the_reason_and_what_was_granted() -> None:
    code = """
async def ask():
    await asyncio.open_connection("evil.example.net", 443)

answer = [
    outcome(socket.create_connection, ("evil.example.net", 443)),
    outcome(run, ask()),
    outcome(socket.create_connection, ("2130706433", port)),
    socket.socket().connect_ex(("evil.example.net", 443)) == errno.EACCES,
]
"""
    refused = "[Errno 13] evil.example.net:443: not granted (granted: api.example.com:443)"
    spelled = "not a host name or an address in its usual spelling (granted: api.example.com:443)"
    with_warnings_off = f"import warnings; warnings.simplefilter('ignore')\n{code}"
    found = answer(with_warnings_off)
    assert found[:2] == [["PermissionError", refused]] * 2
    assert found[2][0] == "PermissionError"
    assert found[2][1].endswith(spelled)
    assert found[3] is True


def test_what_does_not_connect_raises_what_a_socket_raises() -> None:
    code = """
def timed_out():
    started = time.monotonic()
    with socket.socket() as sock:
        sock.settimeout(0.3)
        found = outcome(sock.connect, ("mute.lan", 443))
    return [*found, time.monotonic() - started < 5]

async def cancelled():
    async with asyncio.timeout(0.3):
        await asyncio.open_connection("mute.lan", 443)

answer = [
    outcome(socket.create_connection, ("unbound.lan", 1)),
    timed_out(),
    outcome(run, cancelled())[0],
]
"""
    world = {"names": {"mute.lan": [["10.255.255.1"]]}, "dials": {"10.255.255.1": 0}}
    unbound, timed_out, cancelled = answer(code, world=world)
    assert unbound[0] == "ConnectionRefusedError"
    assert "unbound.lan:1: the name does not resolve" in unbound[1]
    assert timed_out[0] == "TimeoutError"
    assert timed_out[2] is True
    assert cancelled == "TimeoutError"


def test_the_loop_turns_while_a_connection_is_made() -> None:
    code = """
async def ask():
    turns = 0
    connecting = asyncio.ensure_future(asyncio.open_connection("mute.lan", 443))
    while not connecting.done() and turns < 50:
        await asyncio.sleep(0.001)
        turns += 1
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    return turns

answer = run(ask())
"""
    world = {"names": {"mute.lan": [["10.255.255.1"]]}, "dials": {"10.255.255.1": 0}}
    assert answer(code, world=world) == 50


def test_every_other_socket_is_refused_with_a_text() -> None:
    code = """
def attempt(function, *arguments, **named):
    return outcome(function, *arguments, **named)[0]

sock = socket.socket()
answer = [
    attempt(socket.socket, socket.AF_INET, socket.SOCK_DGRAM),
    attempt(socket.socket, socket.AF_INET6, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK),
    attempt(socket.socket, socket.AF_INET, socket.SOCK_RAW),
    attempt(socket.socket, socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP),
    attempt(socket.socket, socket.AF_UNIX, socket.SOCK_STREAM),
    attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW),
    attempt(sock.bind, ("0.0.0.0", 0)),
    attempt(sock.listen),
    attempt(sock.accept),
    attempt(sock.sendto, b"x", ("there.lan", port)),
    attempt(socket.create_server, ("", 0)),
]
answer.append(outcome(socket.socket, socket.AF_UNIX)[1])
sock.close()
"""
    *refused, text = answer(f"import warnings; warnings.simplefilter('ignore')\n{code}")
    assert refused == ["PermissionError"] * 11
    assert text == "[Errno 1] a plugin has outgoing TCP connections and no other sockets"


def test_behind_the_convenience_the_kernel_refuses_the_same() -> None:
    code = """
import _socket
answer = [
    outcome(_socket.socket, family, kind)[0]
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
]
answer.append(outcome(_socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)[0])
"""
    assert set(answer(code)) == {"PermissionError"}


def test_a_socketpair_is_one() -> None:
    code = """
one, other = socket.socketpair()
one.send(b"x")
answer = [other.recv(1).decode(), one.family is socket.AF_UNIX, outcome(one.connect, "/tmp/x")[0]]
one.close()
other.close()
"""
    assert answer(code) == ["x", True, "PermissionError"]


def test_a_plugin_without_hosts_is_told_so() -> None:
    code = """
async def ask():
    await asyncio.open_connection("api.example.com", 443)

answer = [outcome(socket.create_connection, ("api.example.com", 443)), outcome(run, ask())]
"""
    found = asyncio.run(in_worker(None, f"import warnings; warnings.simplefilter('ignore')\n{code}"))
    assert found == [["PermissionError", "[Errno 13] this plugin has no hosts"]] * 2


def test_a_broker_that_is_gone_is_an_error_and_no_wait() -> None:
    async def run() -> Any:
        ours, theirs = socket.socketpair()
        ours.close()
        with theirs:
            return await in_worker(
                theirs, "with socket.socket() as sock: answer = outcome(sock.connect, ('a', 1))[0]", cage=False
            )

    assert asyncio.run(run()) in ("BrokenPipeError", "ConnectionAbortedError")


def test_threads_each_get_their_own_connection() -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor

def ask(number):
    with socket.create_connection(("there.lan", port)) as sock:
        return exchange(sock, str(number).encode())

with ThreadPoolExecutor(12) as threads:
    answer = list(threads.map(ask, range(48)))
"""
    assert answer(code) == [str(number) for number in range(48)]


def test_an_asker_that_gave_up_leaves_the_next_one_its_own_pipe() -> None:
    """The broker has the asker wait: the answers then come in the order of the questions."""
    code = """
with socket.create_connection(("there.lan", port)) as sock:
    exchange(sock, b"")
sock = socket.socket()
sock.settimeout(0.1)
answer = [outcome(sock.connect, ("there.lan", port))[0]]
sock.close()
with socket.create_connection(("there.lan", port)) as sock:
    answer.append(exchange(sock, b"mine"))
"""
    assert answer(code, world={"bounds": {"connections": 1, "per_second": 1}}) == ["TimeoutError", "mine"]


def test_a_resolver_in_c_is_not_found_so_that_libraries_take_the_other_one() -> None:
    code = """
from importlib.machinery import ModuleSpec

class Installed:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return ModuleSpec(name, None, is_package=True) if name in ("aiodns", "another") else None

sys.meta_path.append(Installed)
answer = [outcome(__import__, "aiodns")[0], outcome(__import__, "another").__name__]
"""
    assert answer(code) == ["ModuleNotFoundError", "another"]


def test_an_answer_to_an_asker_that_gave_up_is_nobody_elses() -> None:
    """By the time that it comes it may have been ended for want of a request."""
    ours, broker = socket.socketpair()
    with ours, broker:
        channel = Channel(ours)
        with pytest.raises(TimeoutError):
            channel.pipe(Deadline(0.05))
        for text in (b"late", b"mine"):
            kept, sent = socket.socketpair()
            with kept, sent:
                kept.send(text)
                socket.send_fds(broker, [b"+"], [sent.fileno()])
        with channel.pipe(Deadline(5)) as pipe:
            assert pipe.recv(10) == b"mine"
        assert broker.recv(10) == b"??"


def test_names_have_made_up_addresses_that_stay() -> None:
    names = Names()
    first = names.gethostbyname("api.example.com")
    assert first == "198.18.0.1"
    assert names.gethostbyname("other.example.com") == "198.18.0.2"
    assert names.getaddrinfo("api.example.com", "https") == [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (first, 443))
    ]
    assert names.target(first, 443) == "api.example.com:443"
    assert names.getnameinfo((first, 443), 0) == ("api.example.com", "443")
    assert names.gethostbyaddr(first) == ("api.example.com", [], [first])
    with pytest.raises(socket.herror):
        names.gethostbyaddr("8.8.8.8")


def test_an_address_is_passed_on_as_it_is() -> None:
    names = Names()
    assert names.getaddrinfo("8.8.8.8", 53)[0][4] == ("8.8.8.8", 53)
    assert names.getaddrinfo("::1", 53)[0] == (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 53, 0, 0))
    assert names.target("::1", 53) == "[::1]:53"
    for flags, host, family in ((socket.AI_NUMERICHOST, "a.b", 0), (0, "8.8.8.8", socket.AF_INET6), (0, "", 0)):
        with pytest.raises(socket.gaierror):
            names.getaddrinfo(host, 1, family, 0, 0, flags)
    with pytest.raises(socket.gaierror):
        names.getaddrinfo("a", "gopher")


@pytest.mark.parametrize("host", ["a b", "a\r\nX: y", "a\x00b", "a\u2028b", "a\t"])
def test_a_name_cannot_smuggle_a_second_line_into_the_request(host: str) -> None:
    with pytest.raises(OSError, match=r"not known|no host"):
        request(Names().target(host, 443))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_an_answer_is_read_to_its_end_and_not_a_byte_further(size: int) -> None:
    stream = b"HTTP/1.1 200 Connection established\r\n\r\n" + b"\r\n\r\nthe host"
    reply = Reply("a:1")
    while reply.wanted:
        take = min(size, reply.wanted)
        reply.feed(stream[:take])
        stream = stream[take:]
    reply.check()
    assert stream == b"\r\n\r\nthe host"


@pytest.mark.parametrize(
    ("stream", "error"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\nnot granted\n", PermissionError),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\nno\n", ConnectionRefusedError),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\nno\n", TimeoutError),
        (b"HTTP/1.1 2", ConnectionAbortedError),
        (b"SSH-2.0-x\r\n\r\n", OSError),
        (b"x" * 5000, OSError),
    ],
)
def test_an_answer_that_is_no_success_is_an_error(stream: bytes, error: type[OSError]) -> None:
    reply = Reply("a:1")
    with pytest.raises(error, match="a:1"):  # noqa: PT012 - wherever it is noticed
        while reply.wanted:
            take, stream = stream[: reply.wanted], stream[reply.wanted :]
            reply.feed(take)
        reply.check()
