"""What an operator writes about plugins: which wheels are trusted, and which instances of which plugin run.

Plain values; the configuration reads them from its tables, the catalog makes workers of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from msgspec import Struct
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.kinds import Kind


class InstalledPlugin(Struct, frozen=True, kw_only=True):
    """A third party's wheel in the plugins folder, and the rights that the operator granted it at installation."""

    name: str
    """Its entry point in the group `readytrader.plugins`, and the name of its folder."""
    wheel: str
    """The wheel's file name."""
    version: str
    sha256: str
    """Of the wheel, in hexadecimal."""
    publisher: str
    """The Ed25519 public key that its manifest must be signed with: `ed25519:` and base64."""
    kinds: tuple[Kind, ...]
    """What it may register; no other hook of it is called."""
    hosts: tuple[Endpoint, ...] = ()
    """What it may reach through the egress broker, never at a private or loopback address."""
    secrets: tuple[str, ...] = ()
    """Names of secrets; every instance has values of its own."""
    file_settings: tuple[str, ...] = ()
    """Settings whose value is one or more paths, with commas, that an instance may read."""
    dependencies: dict[str, str] = {}
    """The wheels that it depends on: file name to SHA-256 in hexadecimal."""
    enabled: bool = True


class Instance(Struct, frozen=True, kw_only=True):
    """One worker to be: a plugin under a name of its own, with settings and secrets of its own."""

    kind: Kind
    name: str
    """Unique among all instances of every kind."""
    plugin: str
    settings: dict[str, str]
    hosts: tuple[Endpoint, ...] = ()
    """Granted beyond the plugin's own."""
    private_hosts: tuple[Endpoint, ...] = ()
    """Granted even where the name leads to a private or loopback address."""
    venue: str = ""
    """For an exchange: the venue whose permits are good here."""


class Configured(Protocol):
    """The part of a configuration that says which workers there are."""

    @property
    def plugins(self) -> Sequence[InstalledPlugin]: ...

    @property
    def instances(self) -> Sequence[Instance]: ...

    @property
    def cage_required(self) -> Collection[str]: ...
