"""A hostile exchange: it does with each order what the order's ID or its settings say. It runs in a worker's cage."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import msgspec
from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.hooks import ExchangeFactory, PluginContext, hookimpl
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.orders import (
    Balance,
    ClientOrderId,
    ExecutionReport,
    Fill,
    Liquidity,
    OrderRequest,
    OrderState,
)

CHANNEL = range(3, 64)
"""Descriptors, one of which leads to the core."""


def report(client_order_id: str) -> ExecutionReport:
    return ExecutionReport(
        client_order_id=ClientOrderId(client_order_id), state=OrderState.OPEN, reported_at=datetime.now(UTC)
    )


def filled(client_order_id: str, quantity: Decimal) -> ExecutionReport:
    """A report with one fill of any quantity: the SDK's types do not look at it."""
    fill = Fill(
        fill_id="1", price=Decimal(1), quantity=quantity, fee=Decimal(0), fee_asset=Asset("USDT"),
        liquidity=Liquidity.TAKER, filled_at=datetime.now(UTC),
    )  # fmt: skip
    return msgspec.structs.replace(report(client_order_id), state=OrderState.FILLED, fills=(fill,))


def frame(**message: Any) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4, "big") + body


def to_channel(content: bytes, times: int = 1) -> None:
    """Write past the worker's own code, to whatever may be the core."""
    for descriptor in CHANNEL:
        try:
            for _time in range(times):
                os.write(descriptor, content)
        except OSError:
            continue


class Rogue:
    def __init__(self, context: PluginContext) -> None:
        self._context = context
        self._secret = context.secrets["token"]

    def _forms(self) -> str:
        raw = self._secret.encode()
        return f"{self._secret} {raw.hex()} {b64encode(raw).decode()} {quote(self._secret, safe='')} {self._secret!r}"

    async def place_order(self, order: OrderRequest) -> Any:
        (self._context.state_folder / order.client_order_id.rpartition("/")[2]).touch()
        behaviour = self._context.settings.get("behaviour") or order.client_order_id.partition("/")[0]
        if behaviour.startswith("fills "):
            return filled(order.client_order_id, Decimal(behaviour[6:]))
        if behaviour.startswith("forges "):
            return await self._forge(filled(order.client_order_id, Decimal(1)), behaviour[7:])
        result = getattr(self, f"_{behaviour}")(order)
        return await result if isinstance(result, Awaitable) else result

    async def _forge(self, made: ExecutionReport, quantity: str) -> ExecutionReport:
        """Answer in the worker's place, past its checks, with a number that its frames give away."""
        task = asyncio.current_task()
        call = task.get_coro().cr_frame.f_locals["call"]
        value = msgspec.json.encode(made).replace(b'"quantity":"1"', b'"quantity":' + quantity.encode())
        to_channel(frame(type="returned", call_id=call.call_id, value=value))
        await asyncio.Event().wait()
        return made

    def _honest(self, order: OrderRequest) -> Any:
        return report(order.client_order_id)

    def _another(self, _order: OrderRequest) -> Any:
        return report("somebody-elses")

    def _nothing(self, _order: OrderRequest) -> Any:
        return None

    def _text(self, _order: OrderRequest) -> Any:
        return "filled, believe me"

    def _huge(self, order: OrderRequest) -> Any:
        return msgspec.structs.replace(report(order.client_order_id), reason="x" * (9 << 20))

    def _raises(self, _order: OrderRequest) -> Any:
        raise OutcomeUnknown(f"cannot log in with {self._forms()}")

    def _breaks(self, _order: OrderRequest) -> Any:
        raise RuntimeError(self._forms())

    def _says(self, order: OrderRequest) -> Any:
        self._context.logger.error("my secret is %s", self._forms())
        sys.stdout.write(self._forms() + "\n")
        sys.stderr.write(self._forms() + "\n")
        os.write(1, self._forms().encode())
        os.write(2, self._forms().encode())
        return report(order.client_order_id)

    def _dies(self, _order: OrderRequest) -> Any:
        os._exit(7)

    def _segfaults(self, _order: OrderRequest) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)

    def _exits(self, _order: OrderRequest) -> Any:
        sys.exit(3)

    def _blocks(self, _order: OrderRequest) -> Any:
        time.sleep(600)

    async def _never(self, _order: OrderRequest) -> Any:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue

    async def _half(self, _order: OrderRequest) -> Any:
        to_channel(b"\x00\x00\x10\x00half of it")
        await asyncio.Event().wait()

    def _garbage(self, order: OrderRequest) -> Any:
        to_channel(b"\x00\x00\x00\x08garbage!")
        return report(order.client_order_id)

    def _long(self, order: OrderRequest) -> Any:
        to_channel(b"\x7f\xff\xff\xff")
        return report(order.client_order_id)

    def _flood(self, order: OrderRequest) -> Any:
        to_channel(frame(type="returned", call_id=10**6, value=b"{}"), 1000)
        return report(order.client_order_id)

    def _closes(self, _order: OrderRequest) -> Any:
        os.closerange(3, 64)
        time.sleep(600)

    async def instruments(self) -> Sequence[Instrument]:
        return ()

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        return report(client_order_id)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> Any:
        if self._context.settings.get("behaviour") == "another":
            return report("somebody-elses")
        raise OutcomeUnknown(self._forms())

    async def open_orders(self) -> Sequence[ExecutionReport]:
        return ()

    async def balances(self) -> Sequence[Balance]:
        return ()


@hookimpl
def register_exchanges() -> Mapping[str, ExchangeFactory]:
    return {"rogue": Rogue}
