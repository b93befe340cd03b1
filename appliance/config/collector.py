"""Which collectors traces may be sent to: on this host, or named as allowed and reached by TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def collector_problem(endpoint: str, allowed: Collection[str]) -> str | None:
    """Why traces must not be sent there, or None. The text repeats nothing that could be a credential."""
    try:
        url = urlsplit(endpoint)
        host, port = url.hostname, url.port or _PORTS.get(url.scheme)
    except ValueError:
        return "is no URL"
    if url.scheme not in _PORTS or not host:
        return "expected a URL such as http://127.0.0.1:4318"
    if url.username is not None or url.password is not None or url.query or url.fragment:
        return "must hold neither a user nor a password nor a query"
    if _is_loopback(host):
        return None
    if f"{host}:{port}" not in allowed:
        return f"{host}:{port} is not on this host and not among otel.hosts"
    return None if url.scheme == "https" else f"{host}:{port} is not on this host: it needs https"


def _is_loopback(host: str) -> bool:
    """Only an address: what a name resolves to can change."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
