"""Another address for an exchange: a local one, or a proxy in the operator's own network."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from readytrader_sdk.egress import HttpAllowance

_ORIGIN = re.compile(r"(https?|wss?)://[^/]+", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?", re.ASCII)


class Address(Struct, frozen=True, kw_only=True):
    """A scheme, a host and a port, which stand for those of every URL of an exchange."""

    encrypted: bool
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def lead(self, url: str) -> str:
        """The URL, with this address in place of its own; a websocket's stays one."""
        found = _ORIGIN.match(url)
        if found is None:
            return url
        scheme = ("ws" if found[1].lower().startswith("ws") else "http") + ("s" if self.encrypted else "")
        return f"{scheme}://{self}{url[found.end() :]}"


def address_of(text: str, http: HttpAllowance) -> Address:
    """Parse the setting `url`: `https://host[:port]`, or `http` where the operator vouched for the host.

    Raises `ValueError` that says what is wrong and names the host alone.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("expected a URL such as https://127.0.0.1:8443") from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not _HOST.fullmatch(host) or port == 0:
        raise ValueError("expected https:// or http://, and a host name in lower case or an IPv4 address")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("expected nothing but a scheme, a host and a port")
    encrypted = parts.scheme == "https"
    address = Address(encrypted=encrypted, host=host, port=port or (443 if encrypted else 80))
    if not http.allows(address.host, address.port):
        raise ValueError(f"{address} is not among the instance's hosts or private_hosts")
    if not encrypted and not http.is_private(address.host, address.port):
        raise ValueError(f"http is for hosts among private_hosts; expected https for {address}")
    return address


def led_to(address: Address, urls: Any) -> Any:
    """ccxt's nested table of URLs with every one of them led to the address."""
    match urls:
        case str():
            return address.lead(urls)
        case dict():
            return {name: led_to(address, url) for name, url in urls.items()}
        case list():
            return [led_to(address, url) for url in urls]
        case _:
            return urls


def origins(urls: Any) -> set[str]:
    """Every scheme and host in a table of URLs."""
    match urls:
        case str():
            found = _ORIGIN.match(urls)
            return {found[0]} if found else set()
        case dict():
            return set().union(*map(origins, urls.values()))
        case list():
            return set().union(*map(origins, urls))
        case _:
            return set()
