"""Names without a resolver: each gets a stable made-up address, from which `connect` finds the name again.

The addresses are of 198.18.0.0/15, which RFC 2544 keeps for measuring networks: nobody's, and refused by the broker.
The broker resolves the name itself, so that what a name leads to is judged where it is used.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

_FIRST = int.from_bytes(socket.inet_aton("198.18.0.1"), "big")
_NAMES_MAX = (1 << 17) - 2
_SERVICES = {"http": 80, "https": 443, "ws": 80, "wss": 443, "smtp": 25, "smtps": 465, "submission": 587}
"""What a port may be called; /etc/services is out of reach."""

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]


class Names:
    """The names that were asked for in this process, and their addresses."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def address_of(self, name: str) -> str:
        """The made-up address of a name, the same every time."""
        address = self._addresses.get(name)
        if address is None:
            if len(self._addresses) >= _NAMES_MAX:
                raise socket.gaierror(socket.EAI_MEMORY, "too many names")
            address = socket.inet_ntoa((_FIRST + len(self._addresses)).to_bytes(4, "big"))
            self._addresses[name], self._names[address] = address, name
        return address

    def name_of(self, address: str) -> str:
        """The name behind a made-up address; any other text as it is."""
        return self._names.get(address, address)

    def target(self, host: str | bytes, port: int) -> str:
        """`host:port` as CONNECT wants it, for a name, an address or a made-up address."""
        name = self.name_of(plain_name(host))
        return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"

    def getaddrinfo(
        self,
        host: str | bytes | None,
        port: str | bytes | int | None,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the standard library's own name
        proto: int = 0,
        flags: int = 0,
    ) -> list[AddressInfo]:
        """As `socket.getaddrinfo`, without asking anybody."""
        name = "127.0.0.1" if host is None else plain_name(host)
        number = port_number(port)
        is_six = ":" in name
        if not is_six and not _is_ipv4(name):
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            address = self.address_of(name)
        else:
            address = name
        if family not in (0, socket.AF_INET6 if is_six else socket.AF_INET):
            raise socket.gaierror(socket.EAI_NONAME, f"{name} has no address of that family here")
        kind = socket.SocketKind(type & ~(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) or socket.SOCK_STREAM)
        protocol = proto or (socket.IPPROTO_UDP if kind is socket.SOCK_DGRAM else socket.IPPROTO_TCP)
        canonical = name if flags & socket.AI_CANONNAME else ""
        if is_six:
            return [(socket.AF_INET6, kind, protocol, canonical, (address, number, 0, 0))]
        return [(socket.AF_INET, kind, protocol, canonical, (address, number))]

    def gethostbyname(self, host: str) -> str:
        """As `socket.gethostbyname`."""
        return str(self.getaddrinfo(host, 0, socket.AF_INET)[0][4][0])

    def gethostbyname_ex(self, host: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyname_ex`."""
        return plain_name(host), [], [self.gethostbyname(host)]

    def gethostbyaddr(self, address: str) -> tuple[str, list[str], list[str]]:
        """As `socket.gethostbyaddr`: only names that were asked for are known."""
        name = self.name_of(address)
        if name == address:
            raise socket.herror(1, "Unknown host")
        return name, [], [address]

    def getnameinfo(self, address: tuple[Any, ...], flags: int) -> tuple[str, str]:
        """As `socket.getnameinfo`; ports stay numbers."""
        host = str(address[0])
        return host if flags & socket.NI_NUMERICHOST else self.name_of(host), str(address[1])


def plain_name(host: str | bytes) -> str:
    """A name in ASCII: IDNA where it is not (RFC 3490, as Python's own sockets do). Raises `socket.gaierror`."""
    if not isinstance(host, str | bytes | bytearray):
        raise TypeError(f"a host is text, got {type(host).__name__}")
    try:
        text = host if isinstance(host, str) else bytes(host).decode("ascii")
        if not text.isascii():
            text = text.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from error
    if not text or not text.isprintable() or " " in text:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return text


def port_number(port: str | bytes | int | None) -> int:
    """A port by number or by one of the few names that are known here. Raises `socket.gaierror`."""
    if isinstance(port, bytes):
        port = port.decode("ascii", "replace")
    if isinstance(port, str):
        if port in _SERVICES:
            return _SERVICES[port]
        if not (port.isascii() and port.isdigit()):
            raise socket.gaierror(socket.EAI_SERVICE, "Servname not supported for ai_socktype")
    number = int(port or 0)
    if not 0 <= number < 65536:
        raise OverflowError(errno.EINVAL, "a port is 0 to 65535")
    return number


def _is_ipv4(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET, text)
    except OSError:
        return False
    return True
