"""Frames, over real sockets: cut anywhere, too long, flooded, stalled."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.plugin_host.frames import FrameProtocol, LinkBroken, open_link, read_frame, write_frame
from tests.plugin_host.rig import until


class End:
    """One end of a link, and what it saw."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.reasons: list[str] = []
        self.protocol: FrameProtocol

    def take(self, body: bytes) -> None:
        self.frames.append(body)


@asynccontextmanager
async def link(
    *, frame_bytes_max: int = 1000, unsent_bytes_max: int = 100_000
) -> AsyncIterator[tuple[End, socket.socket]]:
    """A link, and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    end = End()
    with theirs:
        end.protocol = await open_link(
            ours,
            lambda body: end.take(body),
            end.reasons.append,
            frame_bytes_max=frame_bytes_max,
            unsent_bytes_max=unsent_bytes_max,
        )
        yield end, theirs
        end.protocol.close("the test is over")
        await until(lambda: bool(end.reasons))


def framed(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.lists(st.integers(1, 700), max_size=12))
def test_frames_arrive_whole_and_in_order_wherever_they_are_cut(bodies: list[bytes], cuts: list[int]) -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            rest = framed(*bodies)
            for cut in [*cuts, len(rest)]:
                await asyncio.get_running_loop().sock_sendall(peer, rest[:cut])
                rest = rest[cut:]
                await asyncio.sleep(0)
            await until(lambda: len(end.frames) == len(bodies))
            assert end.frames == bodies

    asyncio.run(scene())


def test_what_is_sent_can_be_read_by_hand() -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            end.protocol.send(b"one")
            end.protocol.send(b"x" * 1000)
            assert await asyncio.get_running_loop().sock_recv(peer, 4096) == framed(b"one", b"x" * 1000)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("header", "length"), [(b"\0\0\x03\xe9", 1001), (b"\xff\xff\xff\xff", 2**32 - 1), (bytes(4), 0)]
)
def test_a_frame_of_a_wrong_length_ends_the_link_before_its_body(header: bytes, length: int) -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            peer.send(framed(b"good") + header)
            await until(lambda: bool(end.reasons))
            assert end.frames == [b"good"]
            assert end.reasons == [f"a frame of {length} bytes; 1 to 1000 are allowed"]
            assert not end.protocol.is_open
            with pytest.raises(LinkBroken, match="a frame of"):
                end.protocol.send(b"x")

    asyncio.run(scene())


def test_the_longest_frame_passes() -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            peer.send(framed(b"x" * 1000))
            await until(lambda: bool(end.frames))
            assert end.frames == [b"x" * 1000]

    asyncio.run(scene())


@pytest.mark.parametrize("body", [b"", b"x" * 1001])
def test_a_body_of_a_wrong_length_is_the_sender_s_fault_and_leaves_the_link(body: bytes) -> None:
    async def scene() -> None:
        async with link() as (end, _peer):
            with pytest.raises(ValueError, match="1 to 1000"):
                end.protocol.send(body)
            assert end.protocol.is_open

    asyncio.run(scene())


def test_a_peer_that_does_not_read_ends_the_link_before_memory() -> None:
    async def scene() -> None:
        async with link() as (end, _peer):
            sent = 0
            while end.protocol.is_open:
                end.protocol.send(b"x" * 1000)
                sent += 1004
            assert sent < 2_000_000  # 100,000 of ours, and what the kernel buffers
            with pytest.raises(LinkBroken, match="does not read"):
                end.protocol.send(b"x")

    asyncio.run(scene())


def test_a_slow_peer_is_waited_for() -> None:
    async def scene() -> None:
        async with link(unsent_bytes_max=10_000_000) as (end, peer):
            while end.protocol._writable.is_set():
                end.protocol.send(b"x" * 1000)
            waiting = asyncio.create_task(end.protocol.drained())
            await asyncio.sleep(0)
            assert not waiting.done()
            while not waiting.done():
                await asyncio.get_running_loop().sock_recv(peer, 1 << 16)
            await waiting

    asyncio.run(scene())


def test_a_paused_reader_takes_nothing_and_then_all() -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            end.protocol.pause_reading()
            peer.send(framed(b"one", b"two"))
            for _ in range(5):
                await asyncio.sleep(0)
            assert end.frames == []
            end.protocol.resume_reading()
            await until(lambda: end.frames == [b"one", b"two"])

    asyncio.run(scene())


def test_pausing_and_resuming_amid_a_frame_keeps_order_and_count() -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            seen: list[bytes] = []

            def take(body: bytes) -> None:
                seen.append(body)
                end.protocol.pause_reading()
                if body == b"2":
                    end.protocol.resume_reading()

            end.take = take  # type: ignore[method-assign]
            peer.send(framed(b"1", b"2", b"3", b"4"))
            await until(lambda: seen == [b"1"])
            end.protocol.resume_reading()
            await until(lambda: seen == [b"1", b"2", b"3"])
            end.protocol.resume_reading()
            await until(lambda: seen == [b"1", b"2", b"3", b"4"])

    asyncio.run(scene())


def test_after_closing_nothing_more_is_handed_out() -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            end.take = lambda _body: (end.frames.append(b"!"), end.protocol.close("enough"))[1]  # type: ignore[method-assign]
            peer.send(framed(*[b"x"] * 100))
            await until(lambda: bool(end.reasons))
            assert end.frames == [b"!"]
            assert end.reasons == ["enough"]

    asyncio.run(scene())


def test_a_peer_that_goes_away_is_told_once_in_whichever_way_it_went() -> None:
    async def scene() -> None:
        async with link() as (end, peer):
            end.protocol.send(b"unread: the kernel resets the connection")
            peer.close()
            await until(lambda: bool(end.reasons))
            end.protocol.close("later")
            assert end.reasons == ["the peer is gone"]

    asyncio.run(scene())


def test_blocking_ends_speak_the_same_frames() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=write_frame, args=(ours, b"x" * 5_000_000))
        sender.start()
        assert read_frame(theirs) == b"x" * 5_000_000
        sender.join()
        ours.sendall(framed(b"one", b"two"))
        assert (read_frame(theirs), read_frame(theirs)) == (b"one", b"two")


def test_a_blocking_reader_takes_not_a_byte_too_many() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(framed(b"one") + b"rest")
        assert read_frame(theirs) == b"one"
        assert theirs.recv(100) == b"rest"


@pytest.mark.parametrize("sent", [b"", b"\0\0", b"\0\0\0\x05abc", b"\xff\0\0\0", bytes(4)])
def test_a_blocking_reader_takes_no_half_and_no_wrong_frame(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(sent)
        with pytest.raises(LinkBroken):
            read_frame(theirs)
