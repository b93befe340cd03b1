"""What a plugin may know of its way out. A worker has no network of its own: the appliance's egress broker makes the
connections, to the hosts that the operator granted and nowhere else.

Nothing needs to be called: in a worker, Python's own `socket` module leads to the broker, so that `urllib`, `aiohttp`,
`requests` or a websocket library work as they are. A connection to a host that was not granted fails with
`PermissionError`. Names are resolved by the broker. UDP, listening and sockets made by compiled code are not there.
"""

from __future__ import annotations

from msgspec import Struct


class Endpoint(Struct, frozen=True, order=True):
    """A host and a TCP port. `*.example.com` stands for every host below `example.com`, not for itself."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class HttpAllowance(Struct, frozen=True, kw_only=True):
    """The hosts that this plugin may reach. Empty for a signer that needs none."""

    hosts: tuple[Endpoint, ...] = ()
    private_hosts: tuple[Endpoint, ...] = ()
    """Those that the operator granted even where they are private or loopback addresses."""

    def allows(self, host: str, port: int) -> bool:
        """Whether a connection would be let through. The broker decides; this is for a better error before it."""
        return self.is_private(host, port) or any(matches(endpoint, host, port) for endpoint in self.hosts)

    def is_private(self, host: str, port: int) -> bool:
        """Whether the operator vouched for this host as one of their own network: plain HTTP may be fine there."""
        return any(matches(endpoint, host, port) for endpoint in self.private_hosts)


def endpoint_from_text(text: str) -> Endpoint:
    """Parse `host:port`; the host in lower case, without a scheme or a path.

    Raises `ValueError` saying what was seen.
    """
    host, colon, port = text.rpartition(":")
    plain = host.removeprefix("*.")
    good_host = (
        bool(plain) and plain == plain.lower() and not set(plain) - set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    )
    if not colon or not good_host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"expected a host in lower case and a port, such as api.example.com:443, got {text[:80]!r}")
    return Endpoint(host, int(port))


def matches(endpoint: Endpoint, host: str, port: int) -> bool:
    """Whether an endpoint covers this host and port."""
    if endpoint.port != port:
        return False
    name = host.lower().rstrip(".")
    if endpoint.host.startswith("*."):
        return name.endswith(endpoint.host[1:]) and len(name) > len(endpoint.host) - 1
    return name == endpoint.host
