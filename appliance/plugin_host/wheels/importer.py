"""Imports modules from verified bytes: no file is read again, none is written.

The finder stands at the end of the meta path, so that a plugin can take the place of nothing that is there already.
Compiled extensions, and the libraries that they need, are loaded from sealed memory (`memory.py`).

Modules bear paths below `/dev/null/`, where no file can ever be: neither an import nor anything else that follows such
a path reaches the disk.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import TYPE_CHECKING

from msgspec import Struct

from appliance.plugin_host.wheels.contents import Wheel, module_of
from appliance.plugin_host.wheels.memory import Libraries
from appliance.plugin_host.wheels.refusal import WheelRefused

if TYPE_CHECKING:  # costly, and needed only by plugins that ask for their resources or metadata
    from importlib.metadata import Distribution, DistributionFinder
    from importlib.resources.abc import TraversableResources

NOWHERE = "/dev/null/"
"""A path below a device leads nowhere, for every user and at every time (ENOTDIR)."""


class _Module(Struct, frozen=True, kw_only=True):
    path: str
    is_package: bool

    @property
    def folder(self) -> str:
        return _folder(self.path)

    @property
    def rank(self) -> int:
        """What Python prefers where a name could be several things: packages, then extensions, then source."""
        return (0 if self.is_package else 2) + (1 if self.path.endswith(".py") else 0)


class ModuleImporter:
    """The finder for the modules of some wheels. `load` is the way in."""

    def __init__(self, wheels: Sequence[Wheel]) -> None:
        self._wheels = tuple(wheels)
        self._files = {
            f"{NOWHERE}{wheel.file_name}/{path}": content
            for wheel in wheels
            for path, content in wheel.installed.items()
        }
        self._modules: dict[str, _Module] = {}
        self._namespaces: dict[str, list[str]] = {}
        for wheel in wheels:
            self._index(wheel)
        self._libraries = Libraries(wheels)

    def load(self, module: str) -> ModuleType:
        """Import a module of these wheels. Raises `WheelRefused` where something else bears its name."""
        loaded = importlib.import_module(module)
        if getattr(loaded.__spec__, "origin", None) not in self._files:
            raise WheelRefused(self._wheels[0].file_name, "has a module of a name that is taken already", module)
        return loaded

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As `importlib.abc.MetaPathFinder`. Submodules are found in our own packages alone."""
        del target  # a hint for reloading, of no use here
        found = self._modules.get(fullname)
        if found is None:
            return self._namespace(fullname, path)
        if path is not None and _above(found) not in path:
            return None
        spec = ModuleSpec(fullname, self._loader(fullname, found), origin=found.path, is_package=found.is_package)
        spec.has_location = True
        if found.is_package:
            spec.submodule_search_locations = [found.folder]
        return spec

    def invalidate_caches(self) -> None:
        """Nothing here ever changes."""

    def find_distributions(self, context: DistributionFinder.Context | None = None) -> Iterable[Distribution]:
        """As `importlib.metadata.DistributionFinder`: the metadata of these wheels, for `version` and the like."""
        from appliance.plugin_host.wheels.metadata import matching

        return matching(self._wheels, NOWHERE, context)

    def _index(self, wheel: Wheel) -> None:
        root = NOWHERE + wheel.file_name
        for path in wheel.installed:
            named = module_of(path)
            if named is None:
                continue
            name, is_package = named
            found = _Module(path=f"{root}/{path}", is_package=is_package)
            if name not in self._modules or found.rank < self._modules[name].rank:
                self._modules[name] = found
            parts = name.split(".")
            for depth in range(1, len(parts)):
                folders = self._namespaces.setdefault(".".join(parts[:depth]), [])
                folder = "/".join((root, *parts[:depth]))
                if folder not in folders:
                    folders.append(folder)

    def _namespace(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        folders = self._namespaces.get(fullname)
        if folders is None or (path is not None and not set(map(_folder, folders)) & set(path)):
            return None
        loader = NamespaceLoader(self._files, folders)
        spec = ModuleSpec(fullname, loader, is_package=True)  # type: ignore[arg-type]  # a loader by its methods
        spec.submodule_search_locations = list(folders)
        return spec

    def _loader(self, fullname: str, found: _Module) -> SourceLoader | ExtensionLoader:
        if found.path.endswith(".py"):
            return SourceLoader(fullname, found.path, self._files)
        return ExtensionLoader(fullname, found.path, self._files, self._libraries)


class SourceLoader(SourceFileLoader):
    """A module from its source, which tracebacks and `inspect` find too. Compiled code is never cached."""

    def __init__(self, fullname: str, path: str, files: Mapping[str, bytes]) -> None:
        super().__init__(fullname, path)
        self._files = files

    def get_data(self, path: str) -> bytes:
        """A file of the wheels, by its path below `NOWHERE`. Raises `FileNotFoundError`."""
        return _content(self._files, path)

    def path_stats(self, path: str) -> Mapping[str, float]:
        """There is no file whose age could tell whether a cache is good: without it, none is looked for."""
        raise OSError(2, "the source is in memory", path)

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        """Writes nothing."""

    def get_resource_reader(self, name: str | None = None) -> TraversableResources:  # type: ignore[override]  # typeshed expects the reader of files on disk
        """For `importlib.resources`."""
        del name  # the loader is of one module
        return _resources(self._files, _folder(self.path))


class ExtensionLoader(ExtensionFileLoader):
    """A compiled extension, from sealed memory."""

    def __init__(self, fullname: str, path: str, files: Mapping[str, bytes], libraries: Libraries) -> None:
        super().__init__(fullname, path)
        self._files = files
        self._libraries = libraries

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Load the machine code, and what it needs before it."""
        in_memory = self._libraries.path_of_extension(self.path, self._files[self.path])
        return super().create_module(ModuleSpec(spec.name, self, origin=in_memory))

    def exec_module(self, module: ModuleType) -> None:
        """Run its start, then name it by where it comes from."""
        module.__file__ = self.path
        super().exec_module(module)

    def get_data(self, path: str) -> bytes:
        """A file of the wheels, by its path below `NOWHERE`. Raises `FileNotFoundError`."""
        return _content(self._files, path)

    def get_resource_reader(self, name: str | None = None) -> TraversableResources:  # type: ignore[override]  # typeshed expects the reader of files on disk
        """For `importlib.resources`, where a package is an extension."""
        del name  # the loader is of one module
        return _resources(self._files, _folder(self.path))


class NamespaceLoader:
    """A package without code of its own, possibly in several wheels."""

    def __init__(self, files: Mapping[str, bytes], folders: Sequence[str]) -> None:
        self._files = files
        self._folders = tuple(folders)

    def create_module(self, spec: ModuleSpec) -> None:
        """An ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        """Has nothing to run."""

    def get_resource_reader(self, name: str | None = None) -> TraversableResources:
        """For `importlib.resources`: the folders of all wheels as one."""
        del name  # the loader is of one package
        return _resources(self._files, *self._folders)


def install(wheels: Sequence[Wheel]) -> ModuleImporter:
    """Stand a finder for these wheels behind all others."""
    importer = ModuleImporter(wheels)
    sys.meta_path.append(importer)
    return importer


def top_level_names(wheels: Iterable[Wheel]) -> Iterator[str]:
    """The names under which these wheels are imported."""
    seen: set[str] = set()
    for wheel in wheels:
        for path in wheel.installed:
            named = module_of(path)
            top = named[0].split(".")[0] if named else ""
            if top and top not in seen:
                seen.add(top)
                yield top


def _content(files: Mapping[str, bytes], path: str) -> bytes:
    try:
        return files[path]
    except KeyError:
        raise FileNotFoundError(2, "no such file in the plugin's wheels", path) from None


def _resources(files: Mapping[str, bytes], *folders: str) -> TraversableResources:
    from appliance.plugin_host.wheels.resources import MemoryResources  # few plugins ask

    return MemoryResources(files, folders)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _above(module: _Module) -> str:
    """The folder that must be on the package's path for a module to be found in it."""
    return _folder(module.folder) if module.is_package else module.folder
