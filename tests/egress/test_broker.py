"""The broker's process: who gets where, and what it costs to try otherwise. Spoken to by hand."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from appliance.plugin_host.egress.control import Egress
from tests.egress.rig import (
    PATIENCE_S,
    Server,
    ask,
    converse,
    counts,
    echo,
    egress,
    greet,
    opened,
    read_all,
    rights,
    server,
)

PUBLIC, OTHER_PUBLIC = "93.184.216.34", "2606:2800:220:1::1"


def with_broker(
    test: Callable[[Egress, Server], Awaitable[None]],
    world: dict[str, Any] | None = None,
    serve: Callable[[socket.socket], None] = echo,
) -> None:
    """Run a test with a broker and a loopback server."""

    async def run() -> None:
        with server(serve) as there:
            async with egress(world) as handle:
                await test(handle, there)

    asyncio.run(run())


def request(target: str) -> bytes:
    return f"CONNECT {target} HTTP/1.1\r\n\r\n".encode()


def test_a_pipe_leads_to_a_granted_host() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            with opened(channel, f"localhost:{there.port}") as pipe:
                assert pipe.recv(100) == b"hello, I speak first\n"
                pipe.sendall(b"question")
                assert pipe.recv(100) == b"question"
                seen = await counts(handle, "a", lambda now: now.bytes_in == 29)
                assert (seen.opened, seen.open_now, seen.bytes_out, seen.refused) == (1, 1, 8, 0)
            seen = await counts(handle, "a", lambda now: now.open_now == 0)
            assert seen.opened == 1

    with_broker(test, serve=greet)


def test_a_host_or_port_that_was_not_granted_is_refused_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("ex", rights(("localhost", there.port))) as channel:
            for target in (
                "evil.example.net:443",
                f"localhost:{there.port + 1 & 0xFFFF or 1}",
                f"127.0.0.1:{there.port}",
            ):
                answer = await asyncio.to_thread(converse, channel, request(target))
                assert answer.startswith(b"HTTP/1.1 403 ")
                assert answer.endswith(b"not granted\n")
            seen = await counts(handle, "ex", lambda now: now.refused == 3)
            assert seen.refused_by_target["evil.example.net:443"] == 1
            assert seen.last_refusal == f"127.0.0.1:{there.port}: not granted"
            assert seen.opened == 0
        assert there.accepted == 0

    with_broker(test)
    assert "plugin ex: refused a connection to evil.example.net:443: not granted" in caplog.text


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "not public"),
        ("10.0.0.1", "not public"),
        ("::1", "not public"),
        ("169.254.169.254", "metadata"),
        ("::ffff:127.0.0.1", "not public"),
        ("64:ff9b::7f00:1", "not public"),
        ("8.8.4.4", "this host"),
    ],
)
def test_a_public_grant_leads_to_no_private_address(address: str, reason: str) -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(hosts=[("api.example.com", there.port)])) as channel:
            answer = await asyncio.to_thread(converse, channel, request(f"api.example.com:{there.port}"))
            assert answer.startswith(b"HTTP/1.1 403 ")
            assert reason in answer.decode()
            await counts(handle, "a", lambda now: now.refused == 1)
        assert there.accepted == 0

    with_broker(test, {"names": {"api.example.com": [[address]]}, "own": ["8.8.4.4"]})


def test_an_address_that_was_granted_as_a_host_is_judged_as_one() -> None:
    async def test(handle: Egress, there: Server) -> None:
        granted = [("127.0.0.1", there.port), ("169.254.169.254", 80), (PUBLIC, 443)]
        with await handle.channel("a", rights(("169.254.169.254", 80), hosts=granted)) as channel:
            for host, port in granted[:2]:
                answer = await asyncio.to_thread(converse, channel, request(f"{host}:{port}"))
                assert answer.startswith(b"HTTP/1.1 403 ")
            with opened(channel, f"{PUBLIC}:443") as pipe:
                pipe.sendall(b"x")
                assert pipe.recv(1) == b"x"
        assert there.accepted == 1

    async def run() -> None:
        with server(echo) as there:
            async with egress({"dials": {PUBLIC: there.port}}) as handle:
                await test(handle, there)

    asyncio.run(run())


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(hosts=[("api.example.com", there.port)])) as channel:
            answer = await asyncio.to_thread(converse, channel, request(f"api.example.com:{there.port}"))
            assert b"it leads to 127.0.0.1, which is not public" in answer
        assert there.accepted == 0

    with_broker(test, {"names": {"api.example.com": [[PUBLIC, "127.0.0.1"]]}})


def test_a_name_that_is_bound_again_after_it_was_judged_gains_nothing() -> None:
    """The second answer is the loopback; the connection goes to the first, and the next one is refused."""

    async def run() -> None:
        with server(greet) as public, server(echo) as inner:
            world = {"names": {"api.example.com": [[PUBLIC], ["127.0.0.1"]]}, "dials": {PUBLIC: public.port}}
            async with egress(world) as handle:
                with await handle.channel("a", rights(hosts=[("api.example.com", inner.port)])) as channel:
                    with opened(channel, f"api.example.com:{inner.port}") as pipe:
                        assert pipe.recv(5) == b"hello"
                    answer = await asyncio.to_thread(converse, channel, request(f"api.example.com:{inner.port}"))
                    assert answer.startswith(b"HTTP/1.1 403 ")
            assert (public.accepted, inner.accepted) == (1, 0)

    asyncio.run(run())


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async def run() -> None:
        with server(echo) as there, socket.create_server(("127.0.0.1", 0)) as closed:
            dead = closed.getsockname()[1]
            closed.close()
            world = {
                "names": {"api.example.com": [[OTHER_PUBLIC, PUBLIC]]},
                "dials": {OTHER_PUBLIC: dead, PUBLIC: there.port},
            }
            async with egress(world) as handle:
                granted = rights(hosts=[("api.example.com", 443)])
                with await handle.channel("a", granted) as channel, opened(channel, "api.example.com:443") as pipe:
                    pipe.sendall(b"x")
                    assert pipe.recv(1) == b"x"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("target", "status", "reason"),
    [
        ("gone.example.com:443", 502, "does not resolve"),
        ("shut.example.com:443", 502, "connection refused"),
        ("mute.example.com:443", 504, "no"),
        ("slow.example.com:443", 504, "no connection within 0.4 s"),
    ],
)
def test_what_cannot_be_connected_is_told_apart(target: str, status: int, reason: str) -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            dead = listener.getsockname()[1]
        world = {
            "names": {"shut.example.com": [["1.1.1.1"]], "mute.example.com": [["1.0.0.1"]]},
            "dials": {"1.1.1.1": dead, "1.0.0.1": 0},
            "slow": ["slow.example.com"],
            "bounds": {"connect_s": 0.4},
        }
        async with egress(world) as handle:
            with await handle.channel("a", rights(hosts=[("*.example.com", 443)])) as channel:
                answer = await asyncio.to_thread(converse, channel, request(target))
                assert answer.startswith(f"HTTP/1.1 {status} ".encode())
                assert reason in answer.decode()

    asyncio.run(run())


def test_names_that_never_resolve_do_not_hold_up_another_worker() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with (
            await handle.channel("slow", rights(hosts=[("slow.example.com", 443)])) as slow,
            await handle.channel("good", rights(("there.lan", there.port))) as good,
        ):
            pipes = [ask(slow) for _ in range(40)]
            for pipe in pipes:
                assert pipe is not None
                pipe.sendall(request("slow.example.com:443"))
            with opened(good, f"there.lan:{there.port}") as pipe:
                pipe.sendall(b"x")
                assert pipe.recv(1) == b"x"
            for pipe in pipes:
                assert pipe is not None
                pipe.close()

    with_broker(test, {"names": {"there.lan": [["127.0.0.1"]]}, "slow": ["slow.example.com"]})


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"GET http://localhost/ HTTP/1.1\r\n\r\n", 400),
        (b"\x00\xff\r\n\r\n", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 400),
        (b"CONNECT a:1 HTTP/1.1\r\nX: " + b"a" * 5000, 431),
        (b"a" * 4096, 431),
    ],
)
def test_what_is_no_request_is_answered_with_an_error_and_the_end(said: bytes, status: int) -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            pipe = ask(channel)
            assert pipe is not None
            with pipe:
                pipe.sendall(said)
                assert pipe.recv(13) == f"HTTP/1.1 {status} ".encode()
            # And the channel is as good as before.
            opened(channel, f"localhost:{there.port}").close()

    with_broker(test)


def test_a_pipe_without_a_request_is_ended() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            for said in (b"", b"CONNECT loc"):
                answer = await asyncio.to_thread(converse, channel, said)
                assert answer.startswith(b"HTTP/1.1 408 ")

    with_broker(test, {"bounds": {"head_s": 0.2}})


def test_a_second_request_on_a_pipe_is_data_for_the_first_host() -> None:
    async def test(handle: Egress, there: Server) -> None:
        granted = rights(("localhost", there.port), ("127.0.0.1", there.port))
        with await handle.channel("a", granted) as channel, opened(channel, f"localhost:{there.port}") as pipe:
            second = request(f"127.0.0.1:{there.port}")
            pipe.sendall(second)
            assert pipe.recv(len(second), socket.MSG_WAITALL) == second
        assert there.accepted == 1

    with_broker(test)


def test_nothing_follows_a_refusal() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            pipe = ask(channel)
            assert pipe is not None
            with pipe:
                pipe.sendall(request("evil:1"))
                assert read_all(pipe).startswith(b"HTTP/1.1 403 ")
                with pytest.raises(BrokenPipeError):
                    pipe.sendall(request(f"localhost:{there.port}"))
        assert there.accepted == 0

    with_broker(test)


def test_what_is_sent_right_behind_a_request_reaches_the_host() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            pipe = ask(channel)
            assert pipe is not None
            with pipe:
                pipe.sendall(request(f"localhost:{there.port}") + b"early")
                pipe.shutdown(socket.SHUT_WR)
                assert read_all(pipe).endswith(b"\r\n\r\nearly")
            await counts(handle, "a", lambda now: now.bytes_out == 5)

    with_broker(test)


def test_each_side_can_end_its_half_and_hear_the_other_out() -> None:
    def last_word(connection: socket.socket) -> None:
        heard = read_all(connection)
        connection.sendall(b"heard " + heard)

    def first_to_end(connection: socket.socket) -> None:
        connection.sendall(b"that is all")
        connection.shutdown(socket.SHUT_WR)
        told.append(read_all(connection))
        done.set()

    told: list[bytes] = []
    done = threading.Event()

    async def run() -> None:
        with server(last_word) as one, server(first_to_end) as other:
            async with egress() as handle:
                granted = rights(("localhost", one.port), ("localhost", other.port))
                with await handle.channel("a", granted) as channel:
                    with opened(channel, f"localhost:{one.port}") as pipe:
                        pipe.sendall(b"question")
                        pipe.shutdown(socket.SHUT_WR)
                        assert read_all(pipe) == b"heard question"
                    with opened(channel, f"localhost:{other.port}") as pipe:
                        assert read_all(pipe) == b"that is all"
                        pipe.sendall(b"late answer")
                        pipe.shutdown(socket.SHUT_WR)
                        assert done.wait(PATIENCE_S)
                    await counts(handle, "a", lambda now: now.opened == 2 and now.open_now == 0)

    asyncio.run(run())
    assert told == [b"late answer"]


def test_a_pipe_that_is_closed_ends_a_connection_to_a_host_that_says_nothing() -> None:
    release = threading.Event()

    def mute(connection: socket.socket) -> None:
        release.wait(PATIENCE_S)

    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            opened(channel, f"localhost:{there.port}").close()
            await counts(handle, "a", lambda now: now.opened == 1 and now.open_now == 0)
        release.set()

    with_broker(test, serve=mute)


def test_a_reader_that_stops_stops_its_writer_and_loses_nothing() -> None:
    """32 MiB to a worker that does not read: the broker keeps a little of it, and passes on all of it later."""
    size = 32 * 1024 * 1024
    block = os.urandom(1 << 20)

    def flood(connection: socket.socket) -> None:
        for _ in range(size // len(block)):
            connection.sendall(block)

    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            with opened(channel, f"localhost:{there.port}") as pipe:
                stalled = await settled(handle)
                assert 0 < stalled < size // 2
                assert await asyncio.to_thread(read_all, pipe) == block * (size // len(block))
            await counts(handle, "a", lambda now: now.bytes_in == size)

    async def settled(handle: Egress) -> int:
        """Bytes in, once they have stayed the same over several reports."""
        seen = -1
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await asyncio.sleep(0.7)
                now = handle.counts()["a"].bytes_in
                if now == seen > 0:
                    return now
                seen = now

    with_broker(test, serve=flood)


def test_a_worker_has_so_many_connections_and_no_more() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with (
            await handle.channel("greedy", rights(("localhost", there.port))) as greedy,
            await handle.channel("modest", rights(("localhost", there.port))) as modest,
        ):
            pipes = [opened(greedy, f"localhost:{there.port}") for _ in range(8)]
            assert ask(greedy) is None
            await counts(handle, "greedy", lambda now: now.refused == 1)
            opened(modest, f"localhost:{there.port}").close()
            pipes.pop().close()
            await counts(handle, "greedy", lambda now: now.open_now == 7)
            opened(greedy, f"localhost:{there.port}").close()
            for pipe in pipes:
                pipe.close()

    with_broker(test, {"bounds": {"connections": 8, "per_second": 1000}, "names": {"localhost": [["127.0.0.1"]]}})


def test_pipes_that_ask_for_nothing_count_too() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            pipes = [ask(channel) for _ in range(8)]
            assert None not in pipes
            assert ask(channel) is None
            for pipe in pipes:
                assert pipe is not None
                pipe.close()

    with_broker(test, {"bounds": {"connections": 8, "per_second": 1000}})


def test_what_is_asked_too_fast_waits_its_turn_and_holds_up_nobody_else() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with (
            await handle.channel("fast", rights()) as fast,
            await handle.channel("other", rights(("localhost", there.port))) as other,
        ):
            for _ in range(4):
                assert converse(fast, request("evil:1")).startswith(b"HTTP/1.1 403 ")
            fast.send(b"?")
            fast.settimeout(0.5)
            with pytest.raises(TimeoutError):  # one every hundred seconds
                fast.recv(1)
            opened(other, f"localhost:{there.port}").close()
            seen = await counts(handle, "fast", lambda now: now.refused == 4)
            assert seen.opened == 0

    with_broker(test, {"bounds": {"connections": 4, "per_second": 0.01}, "names": {"localhost": [["127.0.0.1"]]}})


def test_a_worker_that_asks_and_never_takes_its_answers_loses_its_channel() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights()) as channel:
            channel.settimeout(PATIENCE_S)
            with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012 - whichever byte it is
                while True:
                    channel.send(b"?" * 1000)
        with await handle.channel("b", rights(("localhost", there.port))) as channel:
            opened(channel, f"localhost:{there.port}").close()

    with_broker(test, {"bounds": {"per_second": 1e9}, "names": {"localhost": [["127.0.0.1"]]}})


def test_descriptors_that_a_worker_sends_along_are_dropped() -> None:
    """Two hundred copies of a pipe's end in one message: the other end sees them all closed."""

    async def test(handle: Egress, there: Server) -> None:
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            kept, sent = socket.socketpair()
            with kept:
                with sent:
                    socket.send_fds(channel, [b"?"], [sent.fileno()] * 200)
                answer, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
                assert answer == b"+"
                os.close(descriptors[0])
                kept.settimeout(PATIENCE_S)
                assert kept.recv(1) == b""
            opened(channel, f"localhost:{there.port}").close()

    with_broker(test)


def test_descriptors_in_flight_of_one_worker_keep_no_other_from_its_pipes() -> None:
    """They are counted per user and measured against the limit of who sends: the broker's is the widest."""

    async def test(handle: Egress, there: Server) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with await handle.channel("a", rights(("localhost", there.port))) as channel:
            pairs = [socket.socketpair() for _ in range(4)]
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
                for one, _ in pairs:
                    try:
                        socket.send_fds(one, [b"x"], [0] * 150)
                    except OSError:  # ETOOMANYREFS, for a user without privileges
                        break
                opened(channel, f"localhost:{there.port}").close()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for one, other in pairs:
                    one.close()
                    other.close()

    with_broker(test)


def test_a_worker_is_held_to_its_own_rights_whoever_else_has_more() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with (
            await handle.channel("rich", rights(("localhost", there.port))) as rich,
            await handle.channel("poor", rights()) as poor,
        ):
            opened(rich, f"localhost:{there.port}").close()
            answer = await asyncio.to_thread(converse, poor, request(f"localhost:{there.port}"))
            assert answer.startswith(b"HTTP/1.1 403 ")
            seen = await counts(handle, "poor", lambda now: now.refused == 1)
            assert seen.opened == 0
            assert handle.counts()["rich"].refused == 0

    with_broker(test)


def test_a_revoked_worker_loses_its_channel_and_its_connections_and_no_other_does() -> None:
    async def test(handle: Egress, there: Server) -> None:
        with (
            await handle.channel("gone", rights(("localhost", there.port))) as gone,
            await handle.channel("stays", rights(("localhost", there.port))) as stays,
            opened(gone, f"localhost:{there.port}") as lost,
            opened(stays, f"localhost:{there.port}") as kept,
        ):
            handle.revoke("gone")
            handle.revoke("never was")
            assert lost.recv(1) == b""
            gone.settimeout(PATIENCE_S)
            assert gone.recv(1) == b""
            kept.sendall(b"x")
            assert kept.recv(1) == b"x"
            opened(stays, f"localhost:{there.port}").close()

    with_broker(test)


def test_a_new_channel_of_a_name_ends_the_old_one_and_goes_on_counting() -> None:
    async def test(handle: Egress, there: Server) -> None:
        old = await handle.channel("a", rights(("localhost", there.port)))
        with old, opened(old, f"localhost:{there.port}") as lost, await handle.channel("a", rights()) as new:
            assert lost.recv(1) == b""
            answer = await asyncio.to_thread(converse, new, request(f"localhost:{there.port}"))
            assert answer.startswith(b"HTTP/1.1 403 ")
            seen = await counts(handle, "a", lambda now: now.refused == 1 and now.open_now == 0)
            assert seen.opened == 1

    with_broker(test)


def test_a_worker_that_dies_takes_its_connections_along() -> None:
    async def test(handle: Egress, there: Server) -> None:
        channel = await handle.channel("a", rights(("localhost", there.port)))
        with opened(channel, f"localhost:{there.port}") as pipe:
            channel.close()
            assert pipe.recv(1) == b""
        await counts(handle, "a", lambda now: now.opened == 1 and now.open_now == 0)

    with_broker(test)
