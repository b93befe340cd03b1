"""The broker with an outside that a test made up: `broker_program.py WORLD egress-broker --control FD`."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any

from appliance.plugin_host.egress import broker, outside
from appliance.plugin_host.egress.connection import Bounds


class MadeUp:
    def __init__(self, world: dict[str, Any]) -> None:
        self._names: dict[str, list[list[str]]] = world.get("names", {})
        self._dials: dict[str, int] = world.get("dials", {})
        self._own: list[str] = world.get("own", [])
        self._stale: list[str] = world.get("stale", [])
        self._slow: list[str] = world.get("slow", [])

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """Each look-up gets the next answer; the last is given for ever."""
        if host in self._slow:
            threading.Event().wait(60)
        if host in self._stale:
            raise outside.ResolverReplaced(errno.ESTALE, "replaced")
        answers = self._names.get(host)
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def is_own(self, address: str) -> bool:
        return address in self._own or outside.is_own(address)

    async def dial(self, address: str, port: int) -> socket.socket:
        if address in self._dials:
            if not self._dials[address]:
                await asyncio.sleep(60)
            return await outside.dial("127.0.0.1", self._dials[address])
        return await outside.dial(address, port)


if __name__ == "__main__":
    world = json.loads(sys.argv[1])
    made_up = MadeUp(world)
    bounds = Bounds(**world.get("bounds", {}))
    seen = outside.Outside(resolve=made_up.resolve, is_own=made_up.is_own, dial=made_up.dial)
    # Not by way of the interpreter's end, which waits for look-ups that never end.
    broker.run(int(sys.argv[4]), seen, bounds)
