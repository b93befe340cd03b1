"""One client of `WS /ws`, from its token to its end. Plain ASGI: nothing of a request is in the way of a push."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from appliance.service.core import Core
from appliance.service.sign_in import SignedIn
from appliance.transport.door import Door
from appliance.transport.loopback import Receive, Scope, Send
from appliance.transport.operator_http.live import Client, LiveUpdates

PATH = "/ws"
TOKEN_WITHIN_S = 5.0
CLIENTS_MAX = 400
"""Of those who are signed in."""
STRANGERS_MAX = 32
"""Lines whose token has not come yet; of more, the one opened first is closed, so that nobody holds them all."""
SAID_MAX = 100
"""Messages of one client; whoever subscribes anew more often connects anew."""
LOOK_EVERY_S = 1.0
"""How often a session is asked whether it still holds."""
CLOSED_TOKEN, CLOSED_MANNERS, CLOSED_FULL = 4401, 1008, 1013


class Auth(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="AUTH"):
    token: Annotated[str, Meta(min_length=1, max_length=2000)]


class Subscribe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="SUBSCRIBE"):
    """Whose prices are wanted; with none named, all."""

    symbols: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=500)]


class _Closed(Exception):
    """The line is to be closed with this code, or was closed by the other end (None)."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


_decoder: msgspec.json.Decoder[Auth | Subscribe] = msgspec.json.Decoder(Auth | Subscribe)


class LiveLine:
    """Serves `/ws`."""

    def __init__(self, core: Core, updates: LiveUpdates, door: Door) -> None:
        self._sign_in = core.operators.sign_in
        self._updates = updates
        self._door = door
        self._lines = 0
        self._strangers: dict[asyncio.Timeout, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        if scope["path"] != PATH:
            await send({"type": "websocket.close", "code": CLOSED_MANNERS})
            return
        await send({"type": "websocket.accept"})
        try:
            token, _ = await self._signed_in(receive)
            if self._lines >= CLIENTS_MAX:
                raise _Closed(CLOSED_FULL)
            self._lines += 1
            try:
                await self._serve(token, receive, send)
            finally:
                self._lines -= 1
        except _Closed as closed:
            if closed.code is not None:
                await send({"type": "websocket.close", "code": closed.code})

    async def _serve(self, token: str, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.send", "text": '{"type":"READY"}'})
        client = self._updates.join()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_push(client, send))
                group.create_task(_listen(client, receive))
                group.create_task(self._watch(token))
        except* _Closed as closed:
            raise _first(closed) from None
        except* OSError:
            raise _Closed(None) from None
        finally:
            self._updates.leave(client)

    async def _signed_in(self, receive: Receive) -> tuple[str, SignedIn]:
        if len(self._strangers) >= STRANGERS_MAX:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            if not oldest.expired():
                oldest.reschedule(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(TOKEN_WITHIN_S) as waiting:
                self._strangers[waiting] = None
                said = await _said(receive)
        except TimeoutError:
            raise _Closed(CLOSED_TOKEN) from None
        finally:
            self._strangers.pop(waiting, None)
        signed_in = self._sign_in.authenticate(said.token) if isinstance(said, Auth) else None
        if not isinstance(said, Auth) or signed_in is None:
            self._door.note("a live line without a good access token")
            raise _Closed(CLOSED_TOKEN)
        return said.token, signed_in

    async def _watch(self, token: str) -> None:
        """Close when the token expires, or the session or the account ends."""
        while self._sign_in.authenticate(token) is not None:  # noqa: ASYNC110 - time ends it, too
            await asyncio.sleep(LOOK_EVERY_S)
        raise _Closed(CLOSED_TOKEN)


async def _push(client: Client, send: Send) -> None:
    while True:
        for message in await client.take():
            await send({"type": "websocket.send", "text": message.decode()})


async def _listen(client: Client, receive: Receive) -> None:
    for _ in range(SAID_MAX):
        said = await _said(receive)
        if isinstance(said, Subscribe):
            client.symbols = frozenset(said.symbols) or None
    raise _Closed(CLOSED_MANNERS)


async def _said(receive: Receive) -> Auth | Subscribe:
    message = await receive()
    if message["type"] != "websocket.receive":
        raise _Closed(None)
    try:
        return _decoder.decode(message.get("text") or b"")
    except (ValueError, RecursionError):
        raise _Closed(CLOSED_MANNERS) from None


def _first(group: BaseExceptionGroup[_Closed]) -> _Closed:
    first = group.exceptions[0]
    return first if isinstance(first, _Closed) else _first(first)
