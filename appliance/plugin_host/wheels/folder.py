"""Puts a verified plugin into the plugins folder, and takes it out again.

A plugin's folder holds its wheel, the wheels that it needs, and nothing else. It is made beside its place, whole and on
the disk, before it takes it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from appliance.durable import sync_folder
from appliance.plugin_host import specs
from appliance.plugin_host.wheels.manifest import Manifest, sha256
from appliance.plugin_host.wheels.publishing import inspected
from appliance.plugin_host.wheels.reading import read_file
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.verified import VerifiedPlugin, open_verified, verify_set


class Candidate(Struct, frozen=True, kw_only=True):
    """A plugin in memory, verified: what a person is asked about is what `place` writes."""

    wheel: str
    content: Mapping[str, bytes]
    """Every wheel by its file name."""
    plugin: VerifiedPlugin

    @property
    def manifest(self) -> Manifest:
        """What its publisher signed."""
        return self.plugin.manifest

    @property
    def is_compiled(self) -> bool:
        """Whether any of it is machine code."""
        return any(wheel.is_compiled for wheel in self.plugin.wheels)

    def place(self, folder: Path) -> specs.Wheels:
        """Write it to a folder of its own, in place of what was there; what the configuration must say of it.

        Raises `WheelRefused`, and leaves what was there, where it could not be verified from there.
        """
        digests = {name: sha256(data) for name, data in sorted(self.content.items())}
        incoming = _staged(folder, self.content)
        placed = specs.Wheels(folder=str(incoming), wheel=self.wheel, sha256=digests, publisher=self.manifest.publisher)
        try:
            open_verified(placed)
            if os.path.lexists(folder):
                _discard(folder)
            incoming.rename(folder)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        sync_folder(folder.parent)
        return msgspec.structs.replace(placed, folder=str(folder))


def candidate(wheel: Path, dependencies: Sequence[Path] = ()) -> Candidate:
    """Read a signed wheel and what it needs; a needed wheel that is not named is looked for beside it.

    Raises `WheelRefused`. That the publisher is the right one, only a person can say.
    """
    content = {wheel.name: read_file(wheel)}
    manifest, _ = inspected(wheel.name, content[wheel.name])
    given = {path.name: path for path in dependencies}
    for name in sorted(manifest.dependencies.keys() | given.keys()):
        path = given.get(name, wheel.parent / name)
        if not path.exists():
            raise WheelRefused(wheel.name, f"needs a wheel that is not in {path.parent}", name)
        content[name] = read_file(path)
    plugin = verify_set(wheel.name, content, manifest.publisher)
    return Candidate(wheel=wheel.name, content=content, plugin=plugin)


def place(folder: Path, wheel: Path, dependencies: Sequence[Path] = ()) -> specs.Wheels:
    """`candidate(wheel, dependencies).place(folder)`, where nobody needs to be asked in between."""
    return candidate(wheel, dependencies).place(folder)


def remove(folder: Path) -> None:
    """Take a plugin's folder away. Raises `FileNotFoundError`."""
    _discard(folder)
    sync_folder(folder.parent)


def _staged(folder: Path, content: Mapping[str, bytes]) -> Path:
    """A new folder with these files beside the one that it will become, whole and on the disk."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(leftover)
    incoming = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.incoming."))
    for name, data in content.items():
        descriptor = os.open(incoming / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    sync_folder(incoming)
    return incoming


def _discard(folder: Path) -> None:
    """Away from its place at once, then from the disk: a half-deleted plugin is never in place."""
    outgoing = folder.with_name(f".{folder.name}.outgoing.{secrets.token_hex(8)}")
    folder.rename(outgoing)
    shutil.rmtree(outgoing)
