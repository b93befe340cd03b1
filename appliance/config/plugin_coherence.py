"""What only shows when plugins and their instances are seen together, and beside the built-ins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from appliance.config.arrays import Row
from appliance.config.names import suggest
from appliance.config.problems import Problem
from appliance.config.tables import INSTANCES, PLUGIN
from appliance.plugin_host.catalog import built_ins
from appliance.plugin_host.kinds import Kind


def check_plugins(tables: Mapping[str, Sequence[Row]]) -> Iterator[Problem]:
    """Every contradiction between the catalog, the built-ins and the instances. A table that is missing was refused."""
    installed = tables.get(PLUGIN.name)
    if installed is not None:
        yield from _clashes(installed)
        yield from _without_plugin(tables, installed)
    yield from _repeated(tables)
    yield from _one_per_venue(tables)


def _clashes(installed: Sequence[Row]) -> Iterator[Problem]:
    """A third party's plugin under the name of a built-in would run in its place."""
    for row in installed:
        if row.value.name in built_ins():
            text = f"a name clash: {row.value.name} is a built-in plugin"
            yield Problem(where=str(row.origin), setting="plugin.name", text=text)


def _without_plugin(tables: Mapping[str, Sequence[Row]], installed: Sequence[Row]) -> Iterator[Problem]:
    """Instances whose plugin is not there, is disabled, or does not have that kind."""
    kinds: dict[str, tuple[Kind, ...]] = {name: plugin.claims.kinds for name, plugin in built_ins().items()}
    kinds |= {row.value.name: row.value.kinds for row in installed}
    disabled = {row.value.name for row in installed if not row.value.enabled}
    for array, row in _instances(tables):
        plugin, setting, where = row.value.plugin, f"{array}.plugin", str(row.origin)
        if plugin not in kinds:
            likely = suggest(plugin, kinds)
            hint = "readytrader plugin list shows what there is" if likely is None else f"did you mean {likely}?"
            text = f"{row.value.name} names an unknown plugin, {plugin}; {hint}"
            yield Problem(where=where, setting=setting, text=text)
        elif plugin in disabled:
            text = f"{plugin} is disabled, and {row.value.name} needs it: readytrader plugin enable {plugin}"
            yield Problem(where=where, setting=setting, text=text)
        elif row.value.kind not in kinds[plugin]:
            text = f"{plugin} is no {row.value.kind}; it may register {', '.join(kinds[plugin])}"
            yield Problem(where=where, setting=setting, text=text)


def _repeated(tables: Mapping[str, Sequence[Row]]) -> Iterator[Problem]:
    """One name in two arrays; within one array it was told already."""
    seen: dict[str, tuple[str, str]] = {}
    for array, row in _instances(tables):
        other, where = seen.setdefault(row.value.name, (array, str(row.origin)))
        if other != array:
            text = f"{row.value.name} is already a [[{other}]] at {where}"
            yield Problem(where=str(row.origin), setting=f"{array}.name", text=text)


def _one_per_venue(tables: Mapping[str, Sequence[Row]]) -> Iterator[Problem]:
    """Two exchanges for one venue: an order's permit would be good at both."""
    seen: dict[str, str] = {}
    for row in tables.get("exchange", ()):
        first = seen.setdefault(row.value.venue, row.value.name)
        if first != row.value.name:
            text = f"venue {row.value.venue} is already that of exchange {first}"
            yield Problem(where=str(row.origin), setting="exchange.venue", text=text)


def _instances(tables: Mapping[str, Sequence[Row]]) -> Iterator[tuple[str, Row]]:
    for array in INSTANCES:
        for row in tables.get(array.name, ()):
            yield array.name, row
