"""An exchange for real workers: it answers at once, or hangs where a setting or the client order ID says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from urllib.request import urlopen

from readytrader_sdk.errors import Unavailable
from readytrader_sdk.hooks import DataSourceFactory, ExchangeFactory, PluginContext, SignerFactory, hookimpl
from readytrader_sdk.instruments import Asset, Instrument, Symbol
from readytrader_sdk.market import Quote
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest, OrderState
from readytrader_sdk.ports import TransactionRequest, TransferRequest


def report(client_order_id: ClientOrderId) -> ExecutionReport:
    return ExecutionReport(client_order_id=client_order_id, state=OrderState.OPEN, reported_at=datetime.now(UTC))


class TameExchange:
    def __init__(self, context: PluginContext) -> None:
        self._folder = context.state_folder
        self._hangs = context.settings.get("pace") == "hangs"

    async def instruments(self) -> Sequence[Instrument]:
        return ()

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        (self._folder / f"placed-{order.client_order_id}").touch()
        if self._hangs or order.client_order_id.startswith("hangs"):
            await asyncio.sleep(600)
        return report(order.client_order_id)

    async def cancel_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport:
        return report(client_order_id)

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        return report(client_order_id) if client_order_id != "nobody" else None

    async def open_orders(self) -> Sequence[ExecutionReport]:
        return ()

    async def balances(self) -> Sequence[Balance]:
        return (Balance(asset=Asset("USDT"), total=Decimal("1.5"), free=Decimal(1)),)

    async def transfer(self, request: TransferRequest) -> ExecutionReport:
        return report(request.client_order_id)

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return None


class EndlessSource:
    """Its instruments are known to the server at the setting `url`, where there is one."""

    def __init__(self, context: PluginContext) -> None:
        self._url = context.settings.get("url")

    def instruments(self) -> Sequence[Instrument]:
        if self._url is not None:
            try:
                with urlopen(self._url, timeout=10) as answer:
                    answer.read()
            except OSError as error:
                raise Unavailable(type(error).__name__) from error
        return ()

    async def stream(self) -> AsyncIterator[Quote]:
        number = 0
        while True:
            number += 1
            yield Quote(
                symbol=Symbol("BTC/USDT"), bid=Decimal(number), ask=Decimal(number + 1), observed_at=datetime.now(UTC)
            )


class EchoingSigner:
    """Signs nothing: says what it was asked."""

    def __init__(self, context: PluginContext) -> None:
        pass

    async def address(self) -> str:
        return "0x0000000000000000000000000000000000000001"

    async def sign_transaction(self, request: TransactionRequest) -> bytes:
        return str(request.transaction.value).encode()


@hookimpl
def register_exchanges() -> Mapping[str, ExchangeFactory]:
    return {"tame": TameExchange}


@hookimpl
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    return {"tame": EndlessSource}


@hookimpl
def register_signers() -> Mapping[str, SignerFactory]:
    return {"tame": EchoingSigner}
