"""Copies a class so that later changes of modules, classes and builtins by their names do not reach it.

Code in one process can always find and change other code: this is no wall. It ends what is done by name, by a plugin
or a library that patches what it should not: the permit check goes on as it was before the plugin was imported.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import TypeVar

OURS = "appliance."

T = TypeVar("T")


def sealed(cls: type[T]) -> type[T]:
    """A class like `cls`, whose functions, and those of ours that they call, see everything as it is now.

    For plain classes without `super()`. Objects that a function refers to stay shared; what they can do is theirs.
    """
    copies: dict[FunctionType, FunctionType] = {}
    namespace = {
        name: _copy(value, copies) if isinstance(value, FunctionType) else value
        for name, value in vars(cls).items()
        if name not in ("__dict__", "__weakref__")
    }
    return type(cls.__name__, cls.__bases__, namespace)


def _copy(function: FunctionType, copies: dict[FunctionType, FunctionType]) -> FunctionType:
    if function in copies:
        return copies[function]
    names: dict[str, object] = {"__builtins__": dict(vars(builtins)), "__name__": function.__module__}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copies[function] = copy
    for name in _names(function.__code__):
        if name in function.__globals__:
            names[name] = _as_it_is(function.__globals__[name], copies)
    return copy


def _as_it_is(value: object, copies: dict[FunctionType, FunctionType]) -> object:
    if isinstance(value, FunctionType) and value.__module__.startswith(OURS):
        return _copy(value, copies)
    if isinstance(value, ModuleType):
        return SimpleNamespace(**vars(value))
    return dict(value) if isinstance(value, dict) else value


def _names(code: CodeType) -> Iterator[str]:
    """Every name that the code may look up in its module, nested functions included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
