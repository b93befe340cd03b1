"""How a plugin registers: one hook per kind, each returning classes; the core makes the instances.

A plugin module marks its functions with `hookimpl` and names itself in the entry-point group `readytrader.plugins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from logging import Logger
from pathlib import Path
from typing import Protocol

import pluggy
from msgspec import Struct

from readytrader_sdk.egress import HttpAllowance
from readytrader_sdk.ports import DataSourcePort, ExchangePort, NotifierPort, RouterPort, SignerPort

ENTRY_POINT_GROUP = "readytrader.plugins"
PROJECT = "readytrader"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class PluginContext(Struct, frozen=True, kw_only=True):
    """All that a plugin is given: its own settings, its own secrets, a logger, a folder, a way out. Nothing else."""

    name: str
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    """Those that its manifest claims and its operator granted; put into no error, no log and no notice."""
    logger: Logger
    state_folder: Path
    """Its own folder, the only one that it may write to; kept between starts."""
    http: HttpAllowance = HttpAllowance()


class DataSourceFactory(Protocol):
    """A class whose instances are data sources. Raises `Misconfigured` naming the setting at fault."""

    def __call__(self, context: PluginContext) -> DataSourcePort: ...


class ExchangeFactory(Protocol):
    """A class whose instances are exchanges."""

    def __call__(self, context: PluginContext) -> ExchangePort: ...


class RouterFactory(Protocol):
    """A class whose instances are DEX routers."""

    def __call__(self, context: PluginContext) -> RouterPort: ...


class SignerFactory(Protocol):
    """A class whose instances are signers."""

    def __call__(self, context: PluginContext) -> SignerPort: ...


class NotifierFactory(Protocol):
    """A class whose instances are notifiers."""

    def __call__(self, context: PluginContext) -> NotifierPort: ...


@hookspec
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    """Data-source classes by the name used in the configuration."""
    raise NotImplementedError


@hookspec
def register_exchanges() -> Mapping[str, ExchangeFactory]:
    """Exchange classes by venue name."""
    raise NotImplementedError


@hookspec
def register_routers() -> Mapping[str, RouterFactory]:
    """DEX-router classes by name."""
    raise NotImplementedError


@hookspec
def register_signers() -> Mapping[str, SignerFactory]:
    """Signer classes by the value of `SIGNER_TYPE`."""
    raise NotImplementedError


@hookspec
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """Notifier classes by name."""
    raise NotImplementedError
