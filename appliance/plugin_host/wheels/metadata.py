"""`importlib.metadata` over wheels in memory: a plugin finds its own version, and its dependencies theirs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, DistributionFinder, PackagePath
from pathlib import Path

from appliance.plugin_host.wheels.contents import Wheel


class WheelDistribution(Distribution):
    """One wheel, as if it were installed."""

    def __init__(self, wheel: Wheel, root: str) -> None:
        self._wheel = wheel
        self._root = root

    def read_text(self, filename: str | Path) -> str | None:
        """A file of the metadata folder; None where there is none."""
        return self._wheel.text(str(filename))

    @property
    def files(self) -> list[PackagePath]:
        """Every file, as it would be installed. Python's own property leaves out what is on no disk (from 3.12 on)."""
        return [self._file(name, len(content)) for name, content in self._wheel.installed.items()]

    def _file(self, name: str, size: int) -> PackagePath:
        path = PackagePath(name)
        path.hash, path.size, path.dist = None, size, self
        return path

    def locate_file(self, path: object) -> Path:
        """Where a file would be: nowhere that can be opened."""
        return Path(self._root, self._wheel.file_name, str(path))


def matching(wheels: Sequence[Wheel], root: str, context: DistributionFinder.Context | None) -> Iterable[Distribution]:
    """The distributions that are asked for; none where the question names a path of its own."""
    asked = context or DistributionFinder.Context()
    if "path" in vars(asked):
        return []
    name = None if asked.name is None else _plain(asked.name)
    return [WheelDistribution(wheel, root) for wheel in wheels if name in (None, _plain(wheel.distribution))]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
