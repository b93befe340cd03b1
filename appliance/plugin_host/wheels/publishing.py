"""What a publisher does with a wheel: sign it, look at it, compare it with another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from msgspec import Struct
from readytrader_sdk.hooks import ENTRY_POINT_GROUP

from appliance.durable import replace_file
from appliance.plugin_host.wheels import keys
from appliance.plugin_host.wheels.claims import CLAIMS_FILE, Claims, parse_claims
from appliance.plugin_host.wheels.contents import Wheel, demand_distinct, module_of, read_wheel
from appliance.plugin_host.wheels.manifest import (
    FORMAT,
    Manifest,
    encode,
    listed_files,
    sealed,
    sha256,
    the_entry_point,
    verified_manifest,
)
from appliance.plugin_host.wheels.memory import demand_loadable
from appliance.plugin_host.wheels.reading import read_file
from appliance.plugin_host.wheels.refusal import WheelRefused

_PLUGIN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")


def sign(wheel: Path, key_file: Path, dependencies: Sequence[Path]) -> Manifest:
    """Sign a wheel with a key that `keys.keygen` made, together with the wheels that it needs.

    The file is replaced at once or not at all; signing it again with the same key and wheels gives the same bytes.
    Raises `WheelRefused` for whatever would be refused later, and writes nothing then.
    """
    key = keys.load_key(key_file)
    found = read_wheel(wheel.name, read_file(wheel))
    needed = _read_dependencies(wheel.name, dependencies)
    wheels = (found, *(read_wheel(name, data) for name, data in needed.items()))
    demand_distinct(wheels)
    demand_loadable(wheels)
    _demand_named_as_inside(found)
    plugin, module = the_entry_point(found)
    manifest = Manifest(
        format=FORMAT,
        publisher=keys.public_text(key),
        plugin=plugin,
        module=module,
        distribution=found.distribution,
        version=found.version,
        claims=claims_of(found, plugin, module),
        files=listed_files(found),
        dependencies={name: sha256(data) for name, data in sorted(needed.items())},
    )
    data = sealed(found, manifest, key.sign(encode(manifest)))
    verified_manifest(read_wheel(wheel.name, data), data, manifest.publisher)
    replace_file(wheel, data, wheel.stat().st_mode & 0o777)
    return manifest


def inspect(wheel: Path) -> Manifest:
    """The manifest of a signed wheel, once every file in it is as whoever it names signed it.

    That the publisher is the right one, only a person can say. Raises `WheelRefused`.
    """
    return inspected(wheel.name, read_file(wheel))[0]


def inspected(name: str, data: bytes) -> tuple[Manifest, Wheel]:
    """As `inspect`, for bytes that are read already."""
    wheel = read_wheel(name, data)
    manifest = verified_manifest(wheel, data, None)
    _demand_named_as_inside(wheel)
    if manifest.claims != claims_of(wheel, manifest.plugin, manifest.module):
        raise WheelRefused(name, "has a manifest whose claims are not those in the wheel")
    return manifest, wheel


class FileChange(Struct, frozen=True, kw_only=True):
    """A file that is not the same in both wheels; a size (bytes) is None where it is not there."""

    path: str
    size_before: int | None
    size_after: int | None


class Difference(Struct, frozen=True, kw_only=True):
    """What changes from one release of a plugin to another. Pairs are before and after, and empty where equal."""

    plugin: tuple[str, ...]
    version: tuple[str, ...]
    publisher: tuple[str, ...]
    module: tuple[str, ...]
    claims_gained: tuple[str, ...]
    """Such as `hosts: api.example.com:443`."""
    claims_lost: tuple[str, ...]
    dependencies: tuple[str, ...]
    """Such as `+ name.whl`, `- name.whl`, `~ name.whl` where the bytes differ."""
    files: tuple[FileChange, ...]

    def lines(self) -> tuple[str, ...]:
        """For people: one line per change, the rights first; none where the wheels say the same."""
        pairs = {"plugin": self.plugin, "publisher": self.publisher, "version": self.version, "module": self.module}
        return (
            *(f"{name}: {pair[0]} → {pair[1]}" for name, pair in pairs.items() if pair),
            *(f"+ {claim}" for claim in self.claims_gained),
            *(f"- {claim}" for claim in self.claims_lost),
            *(f"{change[:1]} dependency {change[2:]}" for change in self.dependencies),
            *(_file_line(change) for change in self.files),
        )


def difference(old: Path, new: Path) -> Difference:
    """What changes from one signed wheel to another. Raises `WheelRefused`."""
    return compare(*inspected(old.name, read_file(old)), *inspected(new.name, read_file(new)))


def compare(before: Manifest, wheel_before: Wheel, after: Manifest, wheel_after: Wheel) -> Difference:
    """As `difference`, of what was verified already."""
    had, has = _claim_lines(before.claims), _claim_lines(after.claims)
    return Difference(
        plugin=_pair(before.plugin, after.plugin),
        version=_pair(before.version, after.version),
        publisher=_pair(before.publisher, after.publisher),
        module=_pair(before.module, after.module),
        claims_gained=tuple(claim for claim in has if claim not in had),
        claims_lost=tuple(claim for claim in had if claim not in has),
        dependencies=_changed_names(before.dependencies, after.dependencies),
        files=_changed_files(wheel_before, wheel_after),
    )


def claims_of(wheel: Wheel, plugin: str, module: str) -> Claims:
    """The claims in the wheel, from the package that the plugin's module is or is in."""
    if not _PLUGIN_NAME.fullmatch(plugin):
        what = "names its plugin in a way that is not a name (lower-case letters, digits, _ and -)"
        raise WheelRefused(wheel.file_name, what, plugin)
    modules = dict(filter(None, map(module_of, wheel.installed)))
    if module not in modules:
        what = f"has an entry point in {ENTRY_POINT_GROUP} that is none of its modules"
        raise WheelRefused(wheel.file_name, what, module)
    package = module if modules[module] else module.rpartition(".")[0]
    path = "/".join((*package.split("."), CLAIMS_FILE))
    content = wheel.installed.get(path)
    if content is None:
        raise WheelRefused(wheel.file_name, "lacks its claims", path)
    claims = parse_claims(content.decode("utf-8", "replace"), f"{wheel.file_name}: {path}")
    if claims.optional_secrets:
        raise WheelRefused(wheel.file_name, "claims `optional_secrets`, which are for built-ins alone", path)
    return claims


def _read_dependencies(own: str, dependencies: Sequence[Path]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in dependencies:
        if path.name in found or path.name == own:
            raise WheelRefused(path.name, "is named twice")
        found[path.name] = read_file(path)
    return found


def _demand_named_as_inside(wheel: Wheel) -> None:
    """The file name is not signed, so it must say what the signed metadata say."""
    lines = (wheel.text("WHEEL") or "").splitlines()
    tags = [line.partition(":")[2].strip().split("-") for line in lines if line.lower().startswith("tag:")]
    inside = {triple for tag in tags for triple in product(*(part.split(".") for part in tag))}
    if inside != wheel.named.tags or _plain_version(wheel.version) != _plain_version(wheel.named.version):
        seen = " ".join("-".join(tag) for tag in sorted(inside))
        raise WheelRefused(wheel.file_name, "is not named as its metadata say", f"{wheel.version} {seen}")


def _plain_version(version: str) -> str:
    return re.sub(r"[-_.]+", ".", version).lower()


def _pair(before: str, after: str) -> tuple[str, ...]:
    return () if before == after else (before, after)


def _claim_lines(claims: Claims) -> list[str]:
    fields = ("kinds", "hosts", "secrets", "file_settings")
    return [f"{field}: {value}" for field in fields for value in getattr(claims, field)]


def _changed_names(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return tuple(f"{'+' if name not in before else '-' if name not in after else '~'} {name}" for name in changed)


def _changed_files(before: Wheel, after: Wheel) -> tuple[FileChange, ...]:
    """Under the names of installed files; the metadata folder's name holds the version and is left out."""
    old, new = _comparable(before), _comparable(after)
    return tuple(
        FileChange(path=path, size_before=_size(old.get(path)), size_after=_size(new.get(path)))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    )


def _comparable(wheel: Wheel) -> dict[str, bytes]:
    listed = listed_files(wheel)
    return {path.replace(wheel.dist_info + "/", ".dist-info/", 1): wheel.files[path] for path in listed}


def _size(content: bytes | None) -> int | None:
    return None if content is None else len(content)


def _file_line(change: FileChange) -> str:
    if change.size_before is None:
        return f"+ file {change.path} ({change.size_after} bytes)"
    if change.size_after is None:
        return f"- file {change.path} ({change.size_before} bytes)"
    return f"~ file {change.path} ({change.size_before} → {change.size_after} bytes)"
