"""The plugin catalog: finds the plugins that the configuration enables, and asks each what it registers.

Nothing is imported unless it is enabled by name. pluggy's own `load_setuptools_entrypoints` is not used: it imports
every installed entry point before anything can be refused. Each hook is asked of one plugin at a time, and wrappers
are refused: a wrapper in one plugin could swap another's answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from importlib.metadata import Distribution, EntryPoint, distributions
from types import ModuleType
from typing import Generic, TypeVar

import pluggy
import readytrader_sdk.hooks
from msgspec import Struct
from readytrader_sdk.hooks import (
    ENTRY_POINT_GROUP,
    PROJECT,
    DataSourceFactory,
    ExchangeFactory,
    NotifierFactory,
    RouterFactory,
    SignerFactory,
)

FactoryT = TypeVar("FactoryT")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


class CatalogError(Exception):
    """A plugin that cannot be used as it is. The message names it, says what is wrong, and what was seen."""


class Kind(StrEnum):
    """What a plugin can register; the value is how the kind is called in messages and tables."""

    DATA_SOURCE = "data source"
    EXCHANGE = "exchange"
    ROUTER = "router"
    SIGNER = "signer"
    NOTIFIER = "notifier"


HOOKS = {
    Kind.DATA_SOURCE: "register_data_sources",
    Kind.EXCHANGE: "register_exchanges",
    Kind.ROUTER: "register_routers",
    Kind.SIGNER: "register_signers",
    Kind.NOTIFIER: "register_notifiers",
}


class Origin(Struct, frozen=True, kw_only=True):
    """Where a plugin comes from."""

    plugin: str
    """The entry point's name: what the configuration enables."""
    module: str
    distribution: str
    version: str


class Registered(Struct, Generic[FactoryT], frozen=True, kw_only=True):
    """One class that a plugin registered."""

    name: str
    factory: FactoryT
    origin: Origin


class Catalog(Struct, frozen=True, kw_only=True):
    """All that the enabled plugins registered, by kind and name."""

    plugins: tuple[Origin, ...]
    data_sources: Mapping[str, Registered[DataSourceFactory]]
    exchanges: Mapping[str, Registered[ExchangeFactory]]
    routers: Mapping[str, Registered[RouterFactory]]
    signers: Mapping[str, Registered[SignerFactory]]
    notifiers: Mapping[str, Registered[NotifierFactory]]


def load_catalog(enabled: Collection[str], installed: Iterable[Distribution] | None = None) -> Catalog:
    """Import the plugins named in `enabled`, in that order, and nothing else. Raises `CatalogError`.

    `installed` are the distributions to look in; by default those of the running interpreter.
    """
    found = installed_plugins(installed)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(readytrader_sdk.hooks)
    origins = []
    for name in enabled:
        origin, entry_point = _one(name, found)
        _register(manager, origin, entry_point)
        origins.append(origin)
    return Catalog(
        plugins=tuple(origins),
        data_sources=_collect(manager, Kind.DATA_SOURCE, origins),
        exchanges=_collect(manager, Kind.EXCHANGE, origins),
        routers=_collect(manager, Kind.ROUTER, origins),
        signers=_collect(manager, Kind.SIGNER, origins),
        notifiers=_collect(manager, Kind.NOTIFIER, origins),
    )


def installed_plugins(installed: Iterable[Distribution] | None = None) -> Mapping[str, list[tuple[Origin, EntryPoint]]]:
    """What is installed under `readytrader.plugins`, by name, without importing any of it."""
    found: dict[str, list[tuple[Origin, EntryPoint]]] = {}
    for distribution in distributions() if installed is None else installed:
        for entry_point in distribution.entry_points:
            if entry_point.group != ENTRY_POINT_GROUP:
                continue
            origin = Origin(
                plugin=entry_point.name,
                module=entry_point.value,
                distribution=distribution.name,
                version=distribution.version,
            )
            known = found.setdefault(entry_point.name, [])
            # An editable install and its source folder are the same distribution, met twice.
            if origin not in (other for other, _ in known):
                known.append((origin, entry_point))
    return found


def _one(name: str, found: Mapping[str, list[tuple[Origin, EntryPoint]]]) -> tuple[Origin, EntryPoint]:
    candidates = found.get(name, [])
    if not candidates:
        raise CatalogError(f"plugin {name}: not installed; installed are {', '.join(sorted(found)) or 'none'}")
    if len(candidates) > 1:
        owners = " and ".join(f"{origin.distribution} {origin.version}" for origin, _ in candidates)
        raise CatalogError(f"plugin {name}: the name is claimed by {owners}")
    return candidates[0]


def _register(manager: pluggy.PluginManager, origin: Origin, entry_point: EntryPoint) -> None:
    try:
        module = entry_point.load()
    except (Exception, SystemExit) as error:  # whatever foreign code raises while it is imported is its fault
        raise CatalogError(f"{_title(origin)}: importing it failed: {_brief(error)}") from error
    if not isinstance(module, ModuleType):
        raise CatalogError(f"{_title(origin)}: the entry point must be a module, got {type(module).__name__}")
    try:
        manager.register(module, name=origin.plugin)
        manager.check_pending()
    except (pluggy.PluginValidationError, ValueError) as error:
        raise CatalogError(f"{_title(origin)}: {_brief(error)}") from error
    for caller in manager.get_hookcallers(module) or []:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is module and (implementation.wrapper or implementation.hookwrapper):
                raise CatalogError(f"{_title(origin)}: {caller.name} is a hook wrapper; plugins may not wrap")


def _collect(manager: pluggy.PluginManager, kind: Kind, origins: Iterable[Origin]) -> dict[str, Registered[FactoryT]]:
    collected: dict[str, Registered[FactoryT]] = {}
    for origin in origins:
        registered: Mapping[str, FactoryT] = _ask(manager, kind, origin)
        for name, factory in registered.items():
            if (other := collected.get(name)) is not None:
                raise CatalogError(f"{_title(origin)}: {kind} {name!r} is already registered by {other.origin.plugin}")
            collected[name] = Registered(name=name, factory=factory, origin=origin)
    return collected


def _ask(manager: pluggy.PluginManager, kind: Kind, origin: Origin) -> Mapping[str, FactoryT]:
    """What one plugin, asked alone, registers of one kind."""
    others = [plugin for name, plugin in manager.list_name_plugin() if name != origin.plugin]
    try:
        answers = manager.subset_hook_caller(HOOKS[kind], remove_plugins=others)()
    except (Exception, SystemExit) as error:  # as above: foreign code
        raise CatalogError(f"{_title(origin)}: {HOOKS[kind]} failed: {_brief(error)}") from error
    answer: object = answers[0] if answers else {}
    if not isinstance(answer, Mapping):
        raise CatalogError(f"{_title(origin)}: {HOOKS[kind]} must return a mapping, got {type(answer).__name__}")
    for name, factory in answer.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not callable(factory):
            raise CatalogError(f"{_title(origin)}: {HOOKS[kind]}: expected names to classes, got {name!r}: {factory!r}")
    return answer


def _title(origin: Origin) -> str:
    return f"plugin {origin.plugin} ({origin.distribution} {origin.version})"


def _brief(error: BaseException) -> str:
    """The error's type and the first line of its text, capped: it is foreign text and goes into a log."""
    text = "".join(character for character in str(error).partition("\n")[0] if character.isprintable())
    return f"{type(error).__name__}: {text[:200]}"
