"""What a plugin claims: the file `readytrader.toml` in its package, closed and checked.

A claim grants nothing. The operator sees it before the plugin is installed, and the rights of a worker are what the
operator granted of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from readytrader_sdk.egress import Endpoint, endpoint_from_text
from readytrader_sdk.kinds import Kind

from appliance.plugin_host.wheels.refusal import WheelRefused

CLAIMS_FILE = "readytrader.toml"
"""Lies beside the `__init__.py` of the plugin's package."""
_SETTING = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Claims(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a plugin is and asks for. Raises `ValueError` where a claim is malformed."""

    api: Literal[1]
    """The plugin interface that it was written against: `readytrader_sdk.API_VERSION`."""
    kinds: tuple[Kind, ...]
    """What it registers; at least one."""
    hosts: tuple[str, ...] = ()
    """Where it must connect to, as `host:port`; see `endpoints`."""
    secrets: tuple[str, ...] = ()
    """Names of the secrets that it must be given."""
    optional_secrets: tuple[str, ...] = ()
    """Names of secrets that it is given where they were written. Of a built-in alone."""
    file_settings: tuple[str, ...] = ()
    """Settings whose value is one or more comma-separated paths that it wants to read."""

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("`kinds` names no kind")
        for host in self.hosts:
            endpoint_from_text(host)
        for name in (*self.secrets, *self.optional_secrets, *self.file_settings):
            if not _SETTING.fullmatch(name):
                raise ValueError(f"expected a name of lower-case letters, digits and _, got {name[:80]!r}")
        for field in ("kinds", "hosts", "secrets", "file_settings"):
            _demand_distinct(field, getattr(self, field))
        _demand_distinct("optional_secrets", (*self.secrets, *self.optional_secrets))

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The hosts, parsed."""
        return tuple(endpoint_from_text(host) for host in self.hosts)


def parse_claims(text: str, where: str) -> Claims:
    """The claims in the text of a `readytrader.toml`. Raises `WheelRefused` that names `where` and the key."""
    try:
        return msgspec.toml.decode(text, type=Claims, strict=True)
    except msgspec.DecodeError as fault:
        raise WheelRefused(where, "is not a plugin's claims", fault) from fault


def _demand_distinct(field: str, values: Sequence[str]) -> None:
    if len(set(values)) != len(values):
        raise ValueError(f"`{field}` says something twice")
