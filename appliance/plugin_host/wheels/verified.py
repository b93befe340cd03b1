"""A plugin as it is on disk, read once, verified, and imported from those very bytes."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from appliance.plugin_host import specs
from appliance.plugin_host.wheels import importer
from appliance.plugin_host.wheels.contents import Wheel, demand_distinct, read_wheel
from appliance.plugin_host.wheels.importer import ModuleImporter
from appliance.plugin_host.wheels.manifest import Manifest, sha256, verified_manifest
from appliance.plugin_host.wheels.memory import demand_loadable
from appliance.plugin_host.wheels.reading import read_folder
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.tags import Interpreter


class VerifiedPlugin(Struct, frozen=True, kw_only=True):
    """A plugin whose every byte is as its publisher signed it."""

    manifest: Manifest
    wheels: tuple[Wheel, ...]
    """The plugin's own first."""

    def install(self) -> ModuleImporter:
        """Make its modules importable, behind everything that is there; `load(manifest.module)` is the way in.

        Raises `WheelRefused` where a module of the plugin's own wheel would not be the one that is imported.
        """
        for name in importer.top_level_names(self.wheels[:1]):
            taken = importlib.util.find_spec(name)
            if taken is not None:
                what = f"has a module {name}, and another is there already"
                raise WheelRefused(self.wheels[0].file_name, what, taken.origin or name)
        return importer.install(self.wheels)

    def taken_names(self) -> tuple[str, ...]:
        """Top-level modules of its dependencies that the appliance has too: before `install`, those it will get."""
        return tuple(name for name in importer.top_level_names(self.wheels[1:]) if importlib.util.find_spec(name))


def open_verified(package: specs.Wheels) -> VerifiedPlugin:
    """Read the plugin's files once and verify them. Raises `WheelRefused`; nothing is imported."""
    found = read_folder(Path(package.folder), {package.wheel, *package.sha256})
    for name, content in found.items():
        if name not in package.sha256:
            raise WheelRefused(name, "has no SHA-256 that it must have")
        digest = sha256(content)
        if digest != package.sha256[name]:
            raise WheelRefused(name, f"is not the file that was installed (SHA-256 {package.sha256[name]})", digest)
    return verify_set(package.wheel, found, package.publisher)


def verify_set(own: str, found: Mapping[str, bytes], publisher: str | None) -> VerifiedPlugin:
    """Verify a plugin's wheel together with exactly the wheels that it needs, all given as bytes by file name.

    `publisher` is who must have signed it; None takes whoever the wheel names, so that a person can be asked.
    """
    here = Interpreter.here()
    wheel = read_wheel(own, found[own], here)
    manifest = verified_manifest(wheel, found[own], publisher)
    for name in sorted((found.keys() - {own}) ^ manifest.dependencies.keys()):
        what = "needs a wheel that is not there" if name in manifest.dependencies else "has no use for this wheel"
        raise WheelRefused(own, what, name)
    for name, digest in manifest.dependencies.items():
        if sha256(found[name]) != digest:
            raise WheelRefused(name, f"is not the wheel that {own} was signed with", sha256(found[name]))
    wheels = (wheel, *(read_wheel(name, found[name], here) for name in sorted(manifest.dependencies)))
    demand_distinct(wheels)
    demand_loadable(wheels)
    return VerifiedPlugin(manifest=manifest, wheels=wheels)
