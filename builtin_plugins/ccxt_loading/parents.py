"""Stand-ins for the packages `ccxt`, `ccxt.async_support` and `ccxt.pro`, whose own code imports every exchange.

A stand-in has the package's path, so that its modules are found, and none of its code. What the modules look for in
their parents is found when it is asked for: an exchange's class, an error, a constant.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

ROOT, REST, STREAMS = "ccxt", "ccxt.async_support", "ccxt.pro"
_COMMON = ("ccxt.base.errors", "ccxt.base.decimal_to_precision")
_BASE = {
    ROOT: "ccxt.base.exchange",
    REST: "ccxt.async_support.base.exchange",
    STREAMS: "ccxt.async_support.base.exchange",
}


class StandIn(ModuleType):
    """A package without its code. A module that is bound to it turns into the class of its name, as it would there."""

    def __setattr__(self, name: str, value: object) -> None:
        inner = vars(value).get(name) if isinstance(value, ModuleType) else None
        super().__setattr__(name, inner if isinstance(inner, type) else value)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        for home in (_BASE[self.__name__], *_COMMON):
            found = getattr(import_module(home), name, None)
            if found is not None:
                return found
        try:
            import_module(f"{self.__name__}.{name}")
        except ModuleNotFoundError as fault:
            raise AttributeError(f"{self.__name__} has no {name[:60]!r}") from fault
        return self.__dict__[name]


def stand_in() -> None:
    """Put the stand-ins where the packages are not imported yet. Raises `ModuleNotFoundError` without ccxt."""
    for name in (ROOT, REST, STREAMS):
        if name not in sys.modules:
            _place(name)


def _place(name: str) -> None:
    spec = find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"no package {name}")
    module = StandIn(name)
    module.__spec__ = spec
    module.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = module
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)


@contextmanager
def without_requests() -> Iterator[None]:
    """Spare ccxt what it imports and is not to have, while its modules are imported.

    `requests` serves only its other, blocking half. Certificates are the system's, as for everything else here, and not
    those of `certifi`. `orjson`, which ccxt does without where it is not there, is no part of the frozen program: a
    number must be read alike in both. (Both have parts under the Mozilla Public License.)
    """
    names: dict[str, ModuleType | None] = {"orjson": None, "certifi": _system_certificates()}
    if "requests" not in sys.modules:
        names |= _requests_names()
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment] # None hides a module: import system
    modules.update(names)
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def _system_certificates() -> ModuleType:
    """In place of `certifi`: no file of its own, which makes `ssl` take the system's."""
    module = ModuleType("certifi")
    vars(module).update(where=lambda: None)
    return module


def _requests_names() -> dict[str, ModuleType]:
    """What ccxt 4.5 takes from `requests` when it is imported."""
    root, words, errors = ModuleType("requests"), ModuleType("requests.utils"), ModuleType("requests.exceptions")
    vars(root).update(Session=type("Session", (), {}), utils=words, exceptions=errors)
    vars(words).update(default_user_agent=lambda: "ReadyTrader")
    names = ("HTTPError", "Timeout", "TooManyRedirects", "RequestException", "ConnectionError")
    vars(errors).update({name: type(name, (OSError,), {}) for name in names})
    return {module.__name__: module for module in (root, words, errors)}
