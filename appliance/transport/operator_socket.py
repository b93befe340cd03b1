"""The operator's Unix socket, for the command line: another file, another credential, other verbs than the agents'.

Whoever runs as the daemon's own user, or as root, is an operator. An agent that is not to be one must therefore run as
another user: then it can open neither this socket nor the folder that it is in.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
from collections.abc import Iterable
from pathlib import Path

import msgspec

from appliance.domain.operators import Person, Role
from appliance.service.core import Core
from appliance.transport import operator_wire as wire
from appliance.transport.door import Door
from appliance.transport.foreign_text import printable
from appliance.transport.operator_acts import REFUSALS, OperatorActs
from appliance.transport.unix_listener import UnixListener, peer_uid

log = logging.getLogger(__name__)

ROOT_UID = 0
SESSIONS_MAX = 16
LINE_MAX = 1 << 16

_decoder = msgspec.json.Decoder(wire.AnyVerb)
_encoder = msgspec.json.Encoder()


class OperatorSocket:
    """Carries out an operator's verbs. Every act of theirs is journaled by the service that does it."""

    def __init__(self, core: Core, path: Path, operator_uids: Iterable[int] = ()) -> None:
        self._acts = OperatorActs(core)
        self._operators = core.operators
        self._uids = frozenset({ROOT_UID, os.geteuid(), *operator_uids})
        self._door = Door(core.agents, "operator socket", core.clock, core.telemetry.stages)
        self._listener = UnixListener(path, self._session, line_max=LINE_MAX, sessions_max=SESSIONS_MAX)

    async def start(self) -> None:
        """Listen. Raises `ListenerRefused`."""
        await self._listener.start()

    async def aclose(self) -> None:
        """End all sessions."""
        await self._listener.aclose()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        uid = peer_uid(writer)
        while True:
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                writer.write(_line(_failed(f"a request may have at most {LINE_MAX} bytes")))
                await writer.drain()
                return
            if uid not in self._uids:
                self._door.note(f"uid {uid}")
                writer.write(_line(_failed(f"uid {uid} is no operator here")))
                await writer.drain()
                return
            writer.write(_line(await self._reply(line, self._person(uid))))
            await writer.drain()

    def _person(self, uid: int) -> Person:
        """The account that this Unix user is bound to; else the user, who may do all: they could change the files."""
        return self._operators.person_of_uid(uid) or Person(name=operator_name(uid), role=Role.ADMIN)

    async def _reply(self, line: bytes, person: Person) -> wire.Reply:
        try:
            verb = _decoder.decode(line)
        except (ValueError, RecursionError) as fault:
            return _failed(f"not a request: {printable(str(fault), 200)}")
        try:
            result = await self._acts.carry_out(verb, person)
        except REFUSALS as refusal:
            return _failed(str(refusal))
        except Exception:
            log.exception("the operator's %s failed", type(verb).__name__)
            return _failed(f"a fault of the appliance in {type(verb).__name__}; its log has the traceback")
        return wire.Reply(ok=True, result=msgspec.Raw(_encoder.encode(result)))


def operator_name(uid: int) -> str:
    """Who acts, as the journal keeps it: the number that the kernel vouches for, and its name for people."""
    try:
        return f"uid:{uid}/{pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"uid:{uid}"


def _failed(text: str) -> wire.Reply:
    return wire.Reply(ok=False, error=text)


def _line(reply: wire.Reply) -> bytes:
    return _encoder.encode(reply) + b"\n"
