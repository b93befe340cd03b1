"""Acme as a ReadyTrader notifier. It writes notices into a file in its own folder: replace `_deliver`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

import msgspec
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.hooks import NotifierFactory, PluginContext, hookimpl
from readytrader_sdk.ports import Notice


class AcmeNotifier:
    """One line of JSON per notice: whatever a text holds, it stays text."""

    def __init__(self, context: PluginContext) -> None:
        self._file = context.state_folder / "notices.jsonl"

    async def notify(self, notice: Notice) -> None:
        """Returns when the notice is on disk."""
        try:
            await asyncio.to_thread(self._deliver, msgspec.json.encode(notice) + b"\n")
        except OSError as fault:
            raise Unavailable(f"the notice could not be written: {fault.strerror}") from fault

    def _deliver(self, line: bytes) -> None:
        with self._file.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


@hookimpl
def register_notifiers() -> Mapping[str, NotifierFactory]:
    """The name is the one of the entry point."""
    return {"acme-plugin": AcmeNotifier}
