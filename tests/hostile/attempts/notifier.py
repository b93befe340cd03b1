"""The hostile plugin: a notifier whose notices name what it is to try. It runs in a worker's cage.

Each attempt is a function that is given what an attacker could know, and returns what it got away with, or raises what
it was refused with.
"""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable, Mapping
from types import ModuleType

from readytrader_sdk.errors import Unavailable
from readytrader_sdk.hooks import NotifierFactory, PluginContext, hookimpl
from readytrader_sdk.ports import Notice

from . import files, network, others, processes
from .calls import Facts


def _attempts(module: ModuleType) -> dict[str, Callable[[Facts], str]]:
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


ATTEMPTS = _attempts(others) | _attempts(files) | _attempts(network) | _attempts(processes)


def tried(name: str, facts: Facts) -> str:
    """`GOT` and what was got, or `REFUSED` and the name of the error number."""
    try:
        return f"GOT {ATTEMPTS[name](facts)}"
    except OSError as refusal:
        number = refusal.errno or 0
        return f"REFUSED {errno.errorcode.get(number, type(refusal).__name__)}: {refusal}"


class Hostile:
    """Tries what a notice's subject names, with the facts in its text, and says in an error what came of it."""

    def __init__(self, _context: PluginContext) -> None:
        pass

    async def notify(self, notice: Notice) -> None:
        raise Unavailable(await asyncio.to_thread(tried, notice.subject, json.loads(notice.text)))


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    return {"hostile": Hostile}
