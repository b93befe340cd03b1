"""Python's sockets inside the cage: a TCP connection is a pipe from the egress broker, and looks like a TCP connection.

`install` changes the `socket` module before a plugin is imported, so that any library that is written in Python works
as it is: urllib, requests, aiohttp, httpx, websockets, smtplib. It is a convenience and no wall: what a plugin does to
it, it does to itself. The walls are the kernel, which refuses this process every socket, and the broker, which leads a
pipe to the hosts that were granted and nowhere else.

What differs from a real TCP socket: `connect` of a non-blocking socket blocks until it is done, but for the event loop
of `event_loop`; names have made-up addresses; a connection that was reset reads as ended; TCP's options do nothing.
"""

from __future__ import annotations

import _socket
import asyncio
import errno
import os
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from readytrader_sdk.egress import HttpAllowance

from appliance.plugin_host.worker.names import Names
from appliance.plugin_host.worker.pipes import Channel, Deadline, Reply, connect, request, take_place_of

_INET = (socket.AF_INET, socket.AF_INET6)
_IGNORED_LEVELS = (socket.IPPROTO_IP, socket.IPPROTO_TCP, socket.IPPROTO_IPV6)
_REMEMBERED_MAX = 1024
_GRANTED_SHOWN_MAX = 8
_KINDS = ~(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

Peer = tuple[int, tuple[Any, ...]]
"""A family, and the address that was connected to."""


class _Network:
    """What stands behind the sockets of this process."""

    def __init__(self, channel: socket.socket | None, allowance: HttpAllowance) -> None:
        self.names = Names()
        self._channel = None if channel is None else Channel(channel)
        self._granted = [str(endpoint) for endpoint in (*allowance.hosts, *allowance.private_hosts)]
        self._peers: OrderedDict[int, Peer] = OrderedDict()
        """By inode: sockets that wrap the same descriptor, or a copy of it, are connected to the same peer."""

    @property
    def channel(self) -> Channel:
        """The way to the broker. Raises `PermissionError` when there is none."""
        if self._channel is None:
            raise PermissionError(errno.EACCES, "this plugin has no hosts")
        return self._channel

    def peer_of(self, sock: socket.socket) -> Peer | None:
        """What a socket is connected to, if it was connected here."""
        return self.peer_behind(sock.fileno())

    def peer_behind(self, fileno: int) -> Peer | None:
        """The same by the descriptor."""
        return self._peers.get(os.fstat(fileno).st_ino)

    def target(self, sock: socket.socket, address: object) -> str:
        """The `host:port` that a socket shall be connected to. Raises `OSError` or `TypeError`."""
        if not isinstance(address, tuple) or len(address) < 2:
            raise TypeError(f"an address is a host and a port, got {type(address).__name__}")
        if self.peer_of(sock) is not None:
            raise OSError(errno.EISCONN, os.strerror(errno.EISCONN))
        return self.names.target(address[0], int(address[1]))

    def adopt(self, sock: socket.socket, pipe: socket.socket, address: tuple[Any, ...]) -> None:
        """Make a socket the connected one that the pipe is."""
        take_place_of(sock, pipe)
        host, port = self.names.getaddrinfo(address[0], address[1])[0][4][:2]
        full = (host, port, 0, 0) if sock.family == socket.AF_INET6 else (host, port)
        self._peers[os.fstat(sock.fileno()).st_ino] = (sock.family, full)
        if len(self._peers) > _REMEMBERED_MAX:
            self._peers.popitem(last=False)

    def explained(self, error: PermissionError) -> PermissionError:
        """A refusal, with what would have been allowed."""
        shown = ", ".join(self._granted[:_GRANTED_SHOWN_MAX]) or "nothing"
        more = ", ..." if len(self._granted) > _GRANTED_SHOWN_MAX else ""
        return PermissionError(error.errno, f"{error.strerror} (granted: {shown}{more})")


_installed: _Network | None = None


def install(channel: socket.socket | None, allowance: HttpAllowance) -> None:
    """Lead this process's sockets to the broker at the other end of `channel`; without one, nowhere.

    Once, before foreign code is imported. The class is changed in place, as the standard library's own modules hold
    references to it already, and TLS sockets derive from it.
    """
    global _installed
    if _installed is not None:
        raise RuntimeError("the sockets of this process are installed already")
    _installed = network = _Network(channel, allowance)
    for name, method in _METHODS.items():
        setattr(socket.socket, name, method)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo"):
        setattr(socket, name, getattr(network.names, name))
    # A resolver in C, which libraries prefer where they find it and which cannot work here: they have another.
    sys.modules["aiodns"] = cast(Any, None)


def event_loop() -> asyncio.AbstractEventLoop:
    """A fresh event loop on which connecting never blocks."""
    return _Loop()


class _Loop(asyncio.SelectorEventLoop):
    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the standard library's own name
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:  # typeshed has a type of its own for this
        """As the loop's own, at once."""
        return _network().names.getaddrinfo(host, port, family, type, proto, flags)

    async def getnameinfo(self, sockaddr: Any, flags: int = 0) -> tuple[str, str]:
        """As the loop's own, at once."""
        return _network().names.getnameinfo(sockaddr, flags)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """As the loop's own."""
        if sock.family not in _INET:
            _refuse(sock, address)
        network = _network()
        target = network.target(sock, address)
        pipe = await self._pipe(network.channel)
        try:
            pipe.setblocking(False)  # noqa: FBT003 - the standard library's own signature
            await self.sock_sendall(pipe, request(target))
            reply = Reply(target)
            while reply.wanted:
                reply.feed(await self.sock_recv(pipe, reply.wanted))
            reply.check()
            network.adopt(sock, pipe, address)
        except PermissionError as error:
            raise network.explained(error) from None
        finally:
            pipe.close()

    async def _pipe(self, channel: Channel) -> socket.socket:
        """A pipe, asked for on a thread: the broker may be made to wait by whoever asks too much."""
        asking = self.run_in_executor(None, channel.pipe, Deadline(None))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(_close_result)
            raise


def _close_result(asking: asyncio.Future[socket.socket]) -> None:
    if not asking.cancelled() and asking.exception() is None:
        asking.result().close()


def _network() -> _Network:
    if _installed is None:
        raise RuntimeError("the sockets of this process are not installed")
    return _installed


def _refuse(*_: object, **__: object) -> NoReturn:
    raise PermissionError(errno.EPERM, "a plugin has outgoing TCP connections and no other sockets")


def _init(sock: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002 - the standard library's own name
    if fileno is None:
        family = socket.AF_INET if family == -1 else family
        kind = socket.SOCK_STREAM if type == -1 else type & _KINDS
        if family not in _INET or kind != socket.SOCK_STREAM or proto not in (-1, 0, socket.IPPROTO_TCP):
            _refuse(sock)
        proto = max(proto, 0)
        # What stands in for a socket that is not connected yet: a pipe whose other end is closed.
        ours, theirs = _socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs.close()
        fileno = ours.detach()
        if type != -1 and type & socket.SOCK_NONBLOCK:
            os.set_blocking(fileno, False)
        type = kind  # noqa: A001 - as above
    elif family == -1 and (peer := _network().peer_behind(fileno)) is not None:
        family = peer[0]
    _socket.socket.__init__(sock, family, type, proto, fileno)
    sock._io_refs = 0  # type: ignore[attr-defined]  # noqa: SLF001 - what the replaced method sets
    sock._closed = False  # type: ignore[attr-defined]  # noqa: SLF001 - as above


def _connect(sock: socket.socket, address: Any) -> None:
    if sock.family not in _INET:
        _refuse(sock)
    network = _network()
    target = network.target(sock, address)
    channel = network.channel
    try:
        network.adopt(sock, connect(channel, target, Deadline(sock.gettimeout() or None)), address)
    except PermissionError as error:
        raise network.explained(error) from None


def _connect_ex(sock: socket.socket, address: Any) -> int:
    try:
        sock.connect(address)
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _getpeername(sock: socket.socket) -> Any:
    peer = _network().peer_of(sock)
    if peer is not None:
        return peer[1]
    if sock.family in _INET:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
    return _socket.socket.getpeername(sock)


def _getsockname(sock: socket.socket) -> Any:
    if sock.family == socket.AF_INET:
        return ("0.0.0.0", 0)  # noqa: S104 - an answer, nothing is bound
    return ("::", 0, 0, 0) if sock.family == socket.AF_INET6 else _socket.socket.getsockname(sock)


def _setsockopt(sock: socket.socket, level: int, *rest: Any) -> None:
    if sock.family not in _INET or level not in _IGNORED_LEVELS:
        _socket.socket.setsockopt(sock, level, *rest)


def _getsockopt(sock: socket.socket, level: int, option: int, *size: int) -> int | bytes:
    if sock.family not in _INET or level not in _IGNORED_LEVELS:
        return _socket.socket.getsockopt(sock, level, option, *size)
    if size:
        return bytes(size[0])
    return int((level, option) == (socket.IPPROTO_TCP, socket.TCP_NODELAY))  # the broker's sockets do have that


_METHODS: Mapping[str, Callable[..., Any]] = {
    "__init__": _init,
    "connect": _connect,
    "connect_ex": _connect_ex,
    "getpeername": _getpeername,
    "getsockname": _getsockname,
    "setsockopt": _setsockopt,
    "getsockopt": _getsockopt,
    **dict.fromkeys(("bind", "listen", "accept", "sendto"), _refuse),
}
