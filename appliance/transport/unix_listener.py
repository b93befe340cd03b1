"""A Unix socket in a closed folder: made with mode 0600, owned by one process, with the peer's uid from the kernel."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

PATH_BYTES_MAX = 107
"""What `sockaddr_un` holds beside its final zero (unix(7))."""

_UCRED = struct.Struct("3i")
"""pid, uid and gid of the peer at the time of its connect (unix(7), SO_PEERCRED)."""

Session = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class ListenerRefused(Exception):
    """The socket cannot be made there. The message names it and says why."""


class UnixListener:
    """Accepts connections and runs one session for each, so many at once and no more."""

    def __init__(self, path: Path, session: Session, *, line_max: int, sessions_max: int) -> None:
        self.path = path
        self._session = session
        self._line_max = line_max
        self._sessions_max = sessions_max
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises `ListenerRefused` when another process serves this path, or when it cannot be made."""
        self._server = await asyncio.start_unix_server(self._accept, sock=_bind(self.path), limit=self._line_max)

    async def aclose(self) -> None:
        """Stop listening, end the sessions, and take the socket away. What they had sent out goes on."""
        if self._server is None:
            return
        self._server.close()
        self.path.unlink(missing_ok=True)
        for session in self._sessions:
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._sessions) >= self._sessions_max:
            writer.close()
            return
        session = asyncio.ensure_future(self._serve(reader, writer))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._session(reader, writer)
        except ConnectionError:
            pass  # the peer left in the middle of a line: its own affair
        finally:
            writer.close()


def peer_uid(writer: asyncio.StreamWriter) -> int:
    """The uid of the process at the other end, as the kernel knows it."""
    peer: socket.socket = writer.get_extra_info("socket")
    _pid, uid, _gid = _UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    return int(uid)


def _bind(path: Path) -> socket.socket:
    name = os.fsencode(path)
    if len(name) > PATH_BYTES_MAX:
        raise ListenerRefused(f"{path}: {len(name)} bytes, but a socket's path holds {PATH_BYTES_MAX} at most")
    if _is_served(path):
        raise ListenerRefused(f"{path}: another process serves it")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Nobody can connect before listen(), so there is no moment at which the mode is still wide.
        listener.bind(name)
        path.chmod(0o600)
    except OSError as fault:
        listener.close()
        raise ListenerRefused(f"{path}: cannot be made: {fault.strerror}") from fault
    return listener


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fsencode(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return path.exists()
        return True
