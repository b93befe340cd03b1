"""The outside as the broker sees it: names resolved once, addresses that are this host's own, connections."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from msgspec import Struct

_DISCARD_PORT = 9
"""Any port will do: connecting a datagram socket sends nothing."""
_CONFIGURATION = Path("/etc/resolv.conf")


class ResolverReplaced(OSError):
    """The resolver's configuration is another file than when the cage closed, and out of reach. A new broker has it."""


def resolve(host: str, port: int, configuration: Path = _CONFIGURATION) -> Sequence[str]:
    """All addresses of a name, in the order of the system's preference. Blocks.

    Raises `socket.gaierror` when there is none, `ResolverReplaced` when that may be for want of `configuration`.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except socket.gaierror as error:
        if _is_out_of_reach(configuration):
            raise ResolverReplaced(errno.ESTALE, f"{configuration} was replaced") from error
        raise
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _is_out_of_reach(configuration: Path) -> bool:
    """Whether the file is there and may not be read: the kernel knows what a cage may read by file, not by name."""
    try:
        with configuration.open("rb"):
            return False
    except PermissionError:
        return True
    except OSError:
        return False


def is_own(address: str) -> bool:
    """Whether an address belongs to this host: then the kernel would send from it to itself (RFC 6724, rule 1)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, _DISCARD_PORT))
            return bool(probe.getsockname()[0] == address)
    except OSError:  # no way there, so it is not here either
        return False


async def dial(address: str, port: int) -> socket.socket:
    """A connection to an address; nothing is resolved. Raises `OSError`."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own signature
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
    except BaseException:
        sock.close()
        raise
    return sock


class Outside(Struct, frozen=True, kw_only=True):
    """How the broker reaches the outside; another can stand in where there is none."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    is_own: Callable[[str], bool] = is_own
    dial: Callable[[str, int], Awaitable[socket.socket]] = dial
