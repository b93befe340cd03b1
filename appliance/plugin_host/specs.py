"""What a worker is: which plugin, from which bytes, with which rights. The core writes it, the worker obeys it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.kinds import Kind


class Rights(Struct, frozen=True, kw_only=True):
    """What one worker may do beyond computing. Everything else is refused by the kernel or by the broker."""

    hosts: tuple[Endpoint, ...] = ()
    """Reached through the egress broker, never at a private or loopback address."""
    private_hosts: tuple[Endpoint, ...] = ()
    """Reached through the egress broker even where the name leads to a private or loopback address."""
    secrets: tuple[str, ...] = ()
    """Names of files in the worker's secrets folder, read before the cage closes."""
    optional_secrets: tuple[str, ...] = ()
    """The same, where they are there."""
    read_paths: tuple[str, ...] = ()
    """Files and folders outside its own that it may read."""


class BuiltIn(Struct, frozen=True, kw_only=True, tag="built_in"):
    """A plugin that comes with the appliance: verified as a part of it."""

    module: str


class Wheels(Struct, frozen=True, kw_only=True, tag="wheels"):
    """A plugin from a wheel in the plugins folder, with the wheels that it depends on."""

    folder: str
    """An absolute path."""
    wheel: str
    """The plugin's own file name in the folder."""
    sha256: Mapping[str, str]
    """The SHA-256 (hex) that every file must have, by file name; the plugin's own and its dependencies'."""
    publisher: str
    """The Ed25519 public key that its manifest must be signed with: `ed25519:` and base64."""


Package = BuiltIn | Wheels


class WorkerSpec(Struct, frozen=True, kw_only=True):
    """One worker."""

    name: str
    """The instance's name in the configuration, unique among all workers."""
    plugin: str
    """The plugin's name: its entry point, and the name that it registers."""
    kind: Kind
    kinds_granted: tuple[Kind, ...]
    """The kinds that the plugin may register; no other hook of it is called."""
    package: Package
    settings: Mapping[str, str]
    rights: Rights
    state_folder: str
    """An absolute path; the worker's own."""
    secrets_folder: str
    """An absolute path; may be missing where the plugin claims no secret."""
    cage_required: tuple[str, ...]
    """Measures (see `cage.Measure`) without which the worker does not load the plugin."""
    permit_key: bytes = b""
    """The core's Ed25519 public key, raw; empty where no permit can be good (nothing that moves value is possible)."""
    venue: str = ""
    """The venue whose permits are good here, where the kind is an exchange."""
