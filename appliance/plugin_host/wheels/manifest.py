"""What a publisher signs: every file of a plugin's wheel by its hash, what it claims, and the wheels that it needs.

Two files in the wheel's metadata folder hold it: `readytrader/manifest.json` and `readytrader/manifest.sig`. The
signature is over the manifest's exact bytes and is verified before they are parsed. The manifest lists every other file
of the wheel but RECORD, which installers demand to hold the manifest's hash: RECORD must instead be exactly what
follows from the other files. And the whole archive must be exactly what `write_archive` makes of them: a signed wheel
has one form, so there is no byte of it that could be changed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct
from readytrader_sdk.hooks import ENTRY_POINT_GROUP

from appliance.plugin_host.wheels import keys
from appliance.plugin_host.wheels.archive import write_archive
from appliance.plugin_host.wheels.claims import Claims
from appliance.plugin_host.wheels.contents import Wheel, entry_points
from appliance.plugin_host.wheels.refusal import WheelRefused

FORMAT: Literal[1] = 1
MANIFEST = "readytrader/manifest.json"
SIGNATURE = "readytrader/manifest.sig"
_SIGNATURE_BYTES = 64


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release of a plugin, as its publisher signed it."""

    format: Literal[1]
    publisher: str
    """The public key that it is signed with: `ed25519:` and base64."""
    plugin: str
    """The plugin's name: its entry point."""
    module: str
    """What is imported."""
    distribution: str
    version: str
    claims: Claims
    files: Mapping[str, str]
    """SHA-256 (hex) of every file, by its path in the wheel, but RECORD and the two files of the manifest."""
    dependencies: Mapping[str, str]
    """SHA-256 (hex) of every wheel that it needs, by file name."""


def sha256(data: bytes) -> str:
    """In hex, as manifests and the configuration write it."""
    return hashlib.sha256(data).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """The bytes to be signed: JSON that people can read too, in one form."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1) + b"\n"


def sealed(wheel: Wheel, manifest: Manifest, signature: bytes) -> bytes:
    """The bytes of the signed wheel."""
    own = _own_files(wheel)
    files = {path: content for path, content in wheel.files.items() if path not in own}
    files[own[0]] = encode(manifest)
    files[own[1]] = f"{manifest.publisher} {base64.b64encode(signature).decode()}\n".encode("ascii")
    files = dict(sorted(files.items(), key=lambda file: (file[0].startswith(wheel.dist_info + "/"), file[0])))
    files[own[2]] = _record(files, own[2])
    return write_archive(files)


def listed_files(wheel: Wheel) -> dict[str, str]:
    """What a manifest's `files` must be, for this wheel."""
    own = _own_files(wheel)
    return {path: sha256(content) for path, content in sorted(wheel.files.items()) if path not in own}


def verified_manifest(wheel: Wheel, data: bytes, publisher: str | None) -> Manifest:
    """The manifest in a wheel whose bytes are `data`, once everything in it is as signed.

    `publisher` is who must have signed it; None takes whoever the wheel itself names, so that a person can be asked.
    Raises `WheelRefused`.
    """
    raw, named, signature = _signed(wheel)
    if publisher is not None and named != publisher:
        raise WheelRefused(wheel.file_name, f"is not signed by its publisher {publisher}", named)
    if not keys.verify(named, signature, raw):
        raise WheelRefused(wheel.file_name, "has a manifest that is not as its publisher signed it")
    try:
        manifest = msgspec.json.decode(raw, type=Manifest, strict=True)
    except msgspec.DecodeError as fault:
        raise WheelRefused(wheel.file_name, "has a manifest that cannot be read", fault) from fault
    if manifest.publisher != named:
        raise WheelRefused(wheel.file_name, "has a manifest of another publisher", manifest.publisher)
    _demand_same_files(wheel, manifest)
    if (manifest.distribution, manifest.version) != (wheel.distribution, wheel.version):
        seen = f"{manifest.distribution} {manifest.version}"
        raise WheelRefused(wheel.file_name, f"is {wheel.distribution} {wheel.version}, its manifest is not", seen)
    if (manifest.plugin, manifest.module) != the_entry_point(wheel):
        raise WheelRefused(wheel.file_name, "has a manifest for another entry point", manifest.plugin)
    if sealed(wheel, manifest, signature) != data:
        raise WheelRefused(wheel.file_name, "is not in the one form of a signed wheel (sign it again)")
    return manifest


def the_entry_point(wheel: Wheel) -> tuple[str, str]:
    """The plugin's name and module: there must be one entry point in our group."""
    found = entry_points(wheel, ENTRY_POINT_GROUP)
    if len(found) != 1:
        seen = ", ".join(found) or "none"
        raise WheelRefused(wheel.file_name, f"must have one entry point in the group {ENTRY_POINT_GROUP}", seen)
    ((name, module),) = found.items()
    return name, module


def _own_files(wheel: Wheel) -> tuple[str, str, str]:
    """What the manifest does not list."""
    return (f"{wheel.dist_info}/{MANIFEST}", f"{wheel.dist_info}/{SIGNATURE}", f"{wheel.dist_info}/RECORD")


def _signed(wheel: Wheel) -> tuple[bytes, str, bytes]:
    """The manifest's bytes, who says to have signed them, and the signature."""
    manifest, signature, _ = _own_files(wheel)
    if manifest not in wheel.files or signature not in wheel.files:
        raise WheelRefused(wheel.file_name, "is not signed (readytrader plugin sign)")
    publisher, _, text = wheel.files[signature].decode("ascii", "replace").strip().partition(" ")
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _SIGNATURE_BYTES:
        raise WheelRefused(wheel.file_name, "has a signature that cannot be read")
    return wheel.files[manifest], publisher, raw


def _demand_same_files(wheel: Wheel, manifest: Manifest) -> None:
    found = listed_files(wheel)
    for path in sorted(found.keys() | manifest.files.keys()):
        if path not in manifest.files:
            raise WheelRefused(wheel.file_name, "has a file that its manifest does not list", path)
        if path not in found:
            raise WheelRefused(wheel.file_name, "lacks a file that its manifest lists", path)
        if found[path] != manifest.files[path]:
            raise WheelRefused(wheel.file_name, "has a file that is not what its manifest says", path)


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    """The RECORD of these files: path, SHA-256 (URL-safe base64 without padding) and size, itself without both."""
    lines = []
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{_cell(path)},sha256={digest},{len(content)}\n")
    return "".join([*lines, f"{_cell(own)},,\n"]).encode("ascii")


def _cell(path: str) -> str:
    """A path as CSV writes it."""
    if "," in path or '"' in path:
        return '"' + path.replace('"', '""') + '"'
    return path
