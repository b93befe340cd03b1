"""What went wrong between an exchange and this feed, in words of ours: an exchange's own text is never passed on."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from readytrader_sdk.egress import HttpAllowance
from readytrader_sdk.errors import Misconfigured, PluginError, Unavailable

LINKS_MAX = 8
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_NEVER = frozenset({"BadSymbol", "NotSupported", "AuthenticationError", "PermissionDenied", "AccountSuspended"})
"""Classes of ccxt's after which another attempt would end alike."""


def failure(name: str, what: str, error: BaseException) -> PluginError:
    """The SDK's error for one of ccxt's, or of whatever is below it: its class is told, its text is not."""
    if isinstance(error, PluginError):
        return error
    kind = type(error).__name__[:60]
    for link in _chain(error):
        if isinstance(link, PermissionError) or isinstance(getattr(link, "os_error", None), PermissionError):
            return Misconfigured(f"{name}: {what}: {_host(error)} is not among the instance's hosts or private_hosts")
    if kind in _NEVER:
        return Misconfigured(f"{name}: {what}: the exchange does not do this ({kind})")
    return Unavailable(f"{name}: {what}: {kind}")


def demand_granted(name: str, url: str, http: HttpAllowance) -> None:
    """Raise `Misconfigured` that names the host of a URL that this instance may not reach."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if not http.allows(host, port):
        raise Misconfigured(f"{name}: {host}:{port} is not among the instance's hosts or private_hosts")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came of: its cause, its context, and the error that ccxt puts into another's arguments."""
    pending: list[BaseException] = [error]
    for _ in range(LINKS_MAX):
        if not pending:
            return
        link = pending.pop()
        yield link
        inner = (link.__cause__, link.__context__, *getattr(link, "args", ()))
        pending.extend(one for one in inner if isinstance(one, BaseException))


def _host(error: BaseException) -> str:
    """As the connection's own error names it, which is what we asked for and no text of a venue's."""
    for link in _chain(error):
        host, port = getattr(link, "host", None), getattr(link, "port", None)
        if isinstance(host, str) and isinstance(port, int):
            return f"{host[:255]}:{port}"
    return "a host that it needs"
