"""Which host a worker may reach, and at which addresses. Pure: the broker asks twice, before and after resolving.

A host is judged in one spelling. What can be spelled in several ways is refused in all but the usual one: numbers that
some libraries read as IPv4 addresses (`0x7f.1`, `2130706433`, `127.1`), IPv6 zones, names that are not ASCII. A name in
IDNA form (`xn--…`) is a name like any other and must have been granted as it is.

Where a name was granted as private, it may lead to this host and to private networks. Nothing may ever lead to a
link-local address, a cloud's metadata service, a multicast group or a reserved address, however it was granted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from msgspec import Struct
from readytrader_sdk.egress import Endpoint, matches

Address = IPv4Address | IPv6Address

_NAME_CHARACTERS_MAX = 253
"""RFC 1035, 2.3.4: 255 octets on the wire."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LOOKS_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A name with such a last label is an IPv4 address to inet_aton(3) and to browsers (WHATWG URL, ends-in-a-number)."""
_SHOWN_CHARACTERS = 80

# IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890), and what clouds put beside them.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
"""All that is in use of IPv6's global addresses; what lies outside is local, mapped, multicast or not assigned."""
_NOT_PUBLIC_6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
"""Protocol assignments (Teredo and benchmarks among them), documentation, and 6to4, which RFC 7526 took out of use."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the IPv4 address in the last 32 bits, which is what is judged. Hosts with IPv6 alone see all of IPv4 so."""
_PRIVATE = (
    IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"), IPv4Network("127.0.0.0/8"), IPv6Network("fc00::/7"), IPv6Network("::1/128"),
)  # fmt: skip
_METADATA = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16",
                 "fd00:ec2::254", "fd20:ce::254")
)  # fmt: skip
"""Where clouds hand out credentials and settings: AWS and most others, ECS, Alibaba, Oracle, Azure; AWS and Google."""


class EgressRules(Struct, frozen=True, kw_only=True):
    """What one worker was granted."""

    hosts: tuple[Endpoint, ...] = ()
    """Reached at public addresses alone."""
    private_hosts: tuple[Endpoint, ...] = ()
    """Reached at private, loopback and this host's own addresses too."""


class Verdict(Struct, frozen=True, kw_only=True):
    """Whether one host and port may be connected to, as far as its name tells."""

    host: str
    """In its one spelling; of a host that has none, what was seen, made printable and short."""
    port: int
    reason: str = ""
    """Why not. Empty when it may."""
    may_be_private: bool = False
    is_address: bool = False
    """Whether the host is an address, of which nothing is to be resolved."""

    @property
    def is_allowed(self) -> bool:
        return not self.reason


def judge(rules: EgressRules, host: str, port: int) -> Verdict:
    """Whether `host` and `port` were granted. Its addresses still have to be judged, every one of them."""
    name = _usual_spelling(host)
    if name is None:
        return Verdict(host=shown(host), port=port, reason="not a host name or an address in its usual spelling")
    may_be_private = _is_granted(rules.private_hosts, name, port)
    if not may_be_private and not _is_granted(rules.hosts, name, port):
        return Verdict(host=name, port=port, reason="not granted")
    return Verdict(host=name, port=port, may_be_private=may_be_private, is_address=_is_address(name))


def judge_address(verdict: Verdict, address: str, *, is_own: bool) -> str:
    """Why an allowed host may not be reached at this address; empty when it may. `is_own`: it is this host's."""
    try:
        ip = ip_address(address)
    except ValueError:
        return f"{shown(address)} is not an address"
    if is_metadata(ip):
        return f"it leads to {address}, a cloud's metadata service"
    if not address_is_public(ip) and not (verdict.may_be_private and address_is_private(ip)):
        return f"it leads to {address}, which is not public"
    if is_own and not verdict.may_be_private:
        return f"it leads to {address}, which is this host"
    return ""


def address_is_public(ip: Address) -> bool:
    """Whether an address is one of the public internet's.

    Not private, loopback, link-local, shared (RFC 6598), multicast, reserved, for documentation or benchmarks, or a
    metadata service; nor a form of IPv6 that hides an IPv4 address, but for NAT64's, which is judged by what it hides.
    """
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            return address_is_public(_hidden(ip))
        return ip in _GLOBAL_UNICAST_6 and not any(ip in network for network in _NOT_PUBLIC_6)
    return not is_metadata(ip) and not any(ip in network for network in _NOT_PUBLIC_4)


def address_is_private(ip: Address) -> bool:
    """Whether an address is of this host or of a network of its operator's (RFC 1918, 4193, 6598)."""
    return not is_metadata(ip) and any(ip in network for network in _PRIVATE if network.version == ip.version)


def is_metadata(ip: Address) -> bool:
    """Whether a cloud's metadata service answers there, in any form of the address that hides it."""
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        return _hidden(ip) in _METADATA
    return ip in _METADATA


def shown(text: str) -> str:
    """Foreign text as it may go into a log: printable ASCII, capped."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text[:_SHOWN_CHARACTERS])
    return plain if len(text) <= _SHOWN_CHARACTERS else plain + "..."


def _usual_spelling(host: str) -> str | None:
    """A name in lower case without its final dot, or an address as it is usually written. None for anything else."""
    if ":" in host:
        try:
            ip = IPv6Address(host)
        except ValueError:
            return None
        return None if ip.scope_id else str(ip)
    name = host.lower().removesuffix(".") if host.isascii() else ""
    if len(name) > _NAME_CHARACTERS_MAX or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        return None
    return name if not _LOOKS_NUMERIC.fullmatch(name.rpartition(".")[2]) or _is_ipv4(host) else None


def _is_ipv4(text: str) -> bool:
    try:
        return str(IPv4Address(text)) == text
    except ValueError:
        return False


def _is_granted(endpoints: Collection[Endpoint], name: str, port: int) -> bool:
    # A pattern is for names: `*.0.0.1` covers no address.
    candidates = [endpoint for endpoint in endpoints if not (_is_address(name) and "*" in endpoint.host)]
    return any(matches(endpoint, name, port) for endpoint in candidates)


def _is_address(name: str) -> bool:
    return ":" in name or _is_ipv4(name)


def _hidden(ip: IPv6Address) -> IPv4Address:
    return IPv4Address(int(ip) & 0xFFFF_FFFF)
