"""Loads the one plugin of a worker: imports its module, asks it for its class, makes the instance, checks the port.

A plugin is asked alone, and only for the kind that this worker is. Hook wrappers are refused: a wrapper could swap
another's answer. A plugin that implements a hook of a kind that it was not granted is refused, and that hook is never
called. Whatever foreign code raises is its fault, and ends the loading with its name.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING

import pluggy
import readytrader_sdk.hooks
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.hooks import PROJECT, PluginContext
from readytrader_sdk.ports import (
    AmendPort,
    CancelAllAfterPort,
    IntentOrderPort,
    LendingPort,
    PaperOnly,
    QuoteStreamPort,
    TransferPort,
    TypedDataPort,
)

from appliance.plugin_host.kinds import HOOKS, METHODS, Kind, Method
from appliance.plugin_host.specs import BuiltIn, WorkerSpec
from appliance.plugin_host.worker.output import brief, where

if TYPE_CHECKING:  # it brings cryptography, which a built-in without secrets does not need
    from appliance.plugin_host.wheels.verified import VerifiedPlugin

OPTIONAL_PORTS: Mapping[Kind, tuple[type, ...]] = {
    Kind.EXCHANGE: (AmendPort, CancelAllAfterPort, TransferPort, LendingPort, QuoteStreamPort),
    Kind.SIGNER: (TypedDataPort,),
    Kind.ROUTER: (IntentOrderPort,),
    Kind.DATA_SOURCE: (),
    Kind.NOTIFIER: (),
}
"""A plugin has such a port whole or not at all: what can be sent and never asked for again is a trap."""

PAPER_NAME_MAX = 40
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)

Factory = Callable[[PluginContext], object]


class LoadRefused(Exception):
    """This plugin cannot be used as it is. The message names it, says what is wrong and what was seen."""


def import_entry(spec: WorkerSpec, verified: VerifiedPlugin | None) -> ModuleType:
    """Import the plugin's module: a wheel's from the verified bytes, a built-in's as a part of the appliance.

    Raises `LoadRefused`, and `WheelRefused` where another module stands in its place.
    """
    if isinstance(spec.package, BuiltIn):
        return _imported(spec, partial(importlib.import_module, spec.package.module))
    if verified is None:
        raise LoadRefused(f"{_title(spec)}: its wheels were not verified")
    _demand_claimed(spec, verified)
    return _imported(spec, partial(verified.install().load, verified.manifest.module))


def registered_class(spec: WorkerSpec, module: ModuleType) -> Factory:
    """What the module registers of the worker's kind, under the plugin's name. Raises `LoadRefused`."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(readytrader_sdk.hooks)
    try:
        manager.register(module, name=spec.plugin)
        manager.check_pending()
    except Exception as error:  # pluggy looks at every name of a foreign module
        raise LoadRefused(f"{_title(spec)}: {brief(error)}") from error
    _demand_granted_hooks(spec, manager, module)
    registered = _ask(spec, manager)
    factory = registered.get(spec.plugin)
    if factory is None:
        names = ", ".join(sorted(registered)) or "nothing"
        raise LoadRefused(f"{_title(spec)}: it registers no {spec.kind} {spec.plugin!r}, but {names}")
    return factory


def made(spec: WorkerSpec, factory: Factory, context: PluginContext) -> object:
    """The instance. Raises `LoadRefused`; and `Unavailable` as the plugin does, when a later attempt may succeed."""
    try:
        return factory(context)
    except (Misconfigured, Unavailable) as error:
        if isinstance(error, Unavailable):
            raise
        raise LoadRefused(str(error)) from error
    except BaseException as error:  # foreign code; an exit, too, is its failure to start
        raise LoadRefused(f"{_title(spec)}: making it failed: {brief(error)} ({where(error)})") from error


def offered(spec: WorkerSpec, port: object) -> tuple[str, ...]:
    """The optional methods that an instance has, after a look at all that it must have. Raises `LoadRefused`."""
    of_kind = [method for method in METHODS.values() if method.kind is spec.kind]
    for method in of_kind:
        if not method.optional or hasattr(port, method.name):
            _demand_fits(spec, port, method)
    optional = tuple(method.name for method in of_kind if method.optional and hasattr(port, method.name))
    for group in OPTIONAL_PORTS[spec.kind]:
        members = {method.name for method in of_kind if hasattr(group, method.name)}
        if members & set(optional) and not members <= set(optional):
            missing = ", ".join(sorted(members - set(optional)))
            raise LoadRefused(f"{_title(spec)}: it has a part of {group.__name__}, but no {missing}")
    return optional


def paper_name(spec: WorkerSpec, port: object) -> str:
    """What a data source calls its prices where they are not a market's of now; empty where they are."""
    if spec.kind is not Kind.DATA_SOURCE or not isinstance(port, PaperOnly):
        return ""
    name: object = port.paper_only
    if not isinstance(name, str) or not 0 < len(name) <= PAPER_NAME_MAX or not name.isprintable():
        raise LoadRefused(f"{_title(spec)}: paper_only must be a name of up to {PAPER_NAME_MAX} printable characters")
    return name


def _title(spec: WorkerSpec) -> str:
    return f"plugin {spec.plugin}"


def _imported(spec: WorkerSpec, load: Callable[[], ModuleType]) -> ModuleType:
    try:
        module: object = load()
    except BaseException as error:  # foreign code; an exit, too, is its failure to start
        raise LoadRefused(f"{_title(spec)}: importing it failed: {brief(error)} ({where(error)})") from error
    if not isinstance(module, ModuleType):
        raise LoadRefused(f"{_title(spec)}: the entry point must be a module, got {type(module).__name__}")
    return module


def _demand_claimed(spec: WorkerSpec, verified: VerifiedPlugin) -> None:
    """The publisher signed a name, and claims: an operator can grant less, never more."""
    manifest = verified.manifest
    if manifest.plugin != spec.plugin:
        raise LoadRefused(f"{_title(spec)}: its publisher signed a plugin {manifest.plugin}")
    for kind in spec.kinds_granted:
        if kind not in manifest.claims.kinds:
            raise LoadRefused(f"{_title(spec)}: {kind} was granted and never claimed")


def _demand_granted_hooks(spec: WorkerSpec, manager: pluggy.PluginManager, module: ModuleType) -> None:
    kinds = {hook: kind for kind, hook in HOOKS.items()}
    for caller in manager.get_hookcallers(module) or []:
        for implementation in caller.get_hookimpls():
            if implementation.wrapper or implementation.hookwrapper:
                raise LoadRefused(f"{_title(spec)}: {caller.name} is a hook wrapper; plugins may not wrap")
        if kinds[caller.name] not in spec.kinds_granted:
            raise LoadRefused(f"{_title(spec)}: it implements {caller.name}, and {kinds[caller.name]} was not granted")
    if spec.kind not in spec.kinds_granted:
        raise LoadRefused(f"{_title(spec)}: {spec.kind} was not granted")


def _ask(spec: WorkerSpec, manager: pluggy.PluginManager) -> Mapping[str, Factory]:
    hook = HOOKS[spec.kind]
    try:
        answers = getattr(manager.hook, hook)()
        answer: object = dict(answers[0]) if answers and isinstance(answers[0], Mapping) else answers[:1]
    except BaseException as error:  # foreign code; an exit, too, is its failure to start
        raise LoadRefused(f"{_title(spec)}: {hook} failed: {brief(error)} ({where(error)})") from error
    if not answer:
        return {}
    if not isinstance(answer, dict):
        raise LoadRefused(f"{_title(spec)}: {hook} must return a mapping, got {type(answers[0]).__name__}")
    for name, factory in answer.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not callable(factory):
            raise LoadRefused(f"{_title(spec)}: {hook}: expected names to classes, got {name!r}: {type(factory)}")
    return answer


def _demand_fits(spec: WorkerSpec, port: object, method: Method) -> None:
    for complaint in _misfits(port, method):
        raise LoadRefused(f"{_title(spec)}: {method.name} {complaint}")


def _misfits(port: object, method: Method) -> Iterator[str]:
    """How a method differs from its port's: there, a function, asynchronous or not, and of so many arguments."""
    found = getattr(port, method.name, None)
    if found is None:
        yield f"is missing, and every {method.kind} has it"
    elif not callable(found):
        yield f"is no method, but {type(found).__name__}"
    elif inspect.iscoroutinefunction(found) != is_coroutine(method):
        yield "must be defined with async def" if is_coroutine(method) else "must not be a coroutine"
    else:
        try:
            inspect.signature(found).bind(*method.takes)
        except TypeError:
            yield f"cannot be called with {len(method.takes)} arguments"
        except ValueError:
            return  # compiled code that does not say what it takes


def is_coroutine(method: Method) -> bool:
    """Whether a port's method is awaited. Streams are iterated over, and a data source's instruments are at hand."""
    return not method.streams and not (method.kind is Kind.DATA_SOURCE and method.name == "instruments")
