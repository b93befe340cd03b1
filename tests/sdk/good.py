"""One plugin of every kind that keeps everything: the template's, with the optional ports beside it."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
from eth_account import Account
from eth_account.messages import encode_typed_data
from readytrader_sdk.conformance import (
    ExchangeSubject,
    NotifierSubject,
    RouterSubject,
    SignerSubject,
    SourceSubject,
)
from readytrader_sdk.errors import Unsupported
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Asset, Symbol, VenueId
from readytrader_sdk.market import Book, Candle, Level, Quote, Sentiment, Tick, Trade
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest, OrderState
from readytrader_sdk.ports import (
    NATIVE_TOKEN,
    Approval,
    Finding,
    Flow,
    KeyRights,
    LendingRequest,
    OrderSubmission,
    Plan,
    RouteQuote,
    SwapRequest,
    TransferRequest,
    TypedDataOrder,
    TypedDataRequest,
)
from readytrader_sdk.template.data_source.src.acme_plugin import AcmeSource
from readytrader_sdk.template.exchange.src.acme_plugin import AcmeExchange
from readytrader_sdk.template.notifier.src.acme_plugin import AcmeNotifier
from readytrader_sdk.template.router.src.acme_plugin import CONTRACT, AcmeRouter
from readytrader_sdk.template.signer.src.acme_plugin import AcmeSigner

SYMBOL = Symbol("BTC/USD")
KEY = "0x" + "4c" * 32
OWNER = Account.from_key(KEY).address
USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def context() -> PluginContext:
    return PluginContext(
        name="acme-plugin",
        settings={},
        secrets={"private_key": KEY},
        logger=logging.getLogger("acme-plugin"),
        state_folder=Path(tempfile.mkdtemp(prefix="acme-")),
    )


class GoodExchange(AcmeExchange):
    """With everything that only some venues can."""

    def __init__(self, plugin_context: PluginContext) -> None:
        super().__init__(plugin_context)
        self.told: list[ExecutionReport] = []

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        answer = await super().place_order(order)
        self.told.append(answer)
        return answer

    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        heard = 0
        while True:
            for told in self.told[heard:]:
                heard += 1
                yield told
            await asyncio.sleep(0.001)

    async def cancel_all_orders(self) -> None:
        for order in await AcmeExchange.open_orders(self):
            await AcmeExchange.cancel_order(self, order.client_order_id, SYMBOL)

    async def key_rights(self) -> KeyRights:
        return KeyRights(can_trade=True, can_withdraw=False, expires_at=NOON)

    async def venue_time(self) -> datetime:
        return datetime.now(UTC)

    async def replace_order(self, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        old = await self.find_order(replaced, order.symbol)
        if old is None or old.state is not OrderState.OPEN:
            return report(order.client_order_id, OrderState.REJECTED)
        await AcmeExchange.cancel_order(self, replaced, order.symbol)
        return await AcmeExchange.place_order(self, order)

    async def cancel_all_after(self, seconds: int) -> None:
        """Armed and disarmed; nobody waits for it here."""

    async def transfer(self, request: TransferRequest) -> ExecutionReport:
        return report(request.client_order_id, OrderState.REJECTED)

    async def find_transfer(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return None

    async def lend(self, request: LendingRequest) -> ExecutionReport:
        return report(request.client_order_id, OrderState.REJECTED)

    async def find_lending(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        return None

    async def stream_quotes(self, symbols: Sequence[Symbol]) -> AsyncIterator[Tick]:
        while True:
            for symbol in symbols:
                yield quote(symbol=symbol, observed_at=datetime.now(UTC))
            await asyncio.sleep(0.001)


def report(client_order_id: ClientOrderId, state: OrderState) -> ExecutionReport:
    return ExecutionReport(client_order_id=client_order_id, state=state, reported_at=datetime.now(UTC))


def exchange_subject(exchange: AcmeExchange) -> ExchangeSubject:
    return ExchangeSubject(
        exchange=exchange,
        venue=VenueId("acme"),
        symbol=SYMBOL,
        quantity=Decimal("0.001"),
        price_far=Decimal(40000),
        price_crossing=Decimal(51000),
    )


def quote(symbol: Symbol = SYMBOL, observed_at: datetime = NOON, bid: str = "100", ask: str = "101") -> Quote:
    return Quote(
        symbol=symbol,
        bid=Decimal(bid),
        ask=Decimal(ask),
        observed_at=observed_at,
        bid_size=Decimal(1),
        last=Decimal(100),
    )


class GoodSource(AcmeSource):
    """One tick of every kind, over and over."""

    def ticks(self, at: datetime) -> Sequence[Tick]:
        return [quote(observed_at=at), self.book(at), self.trade(at), self.candle(at), self.sentiment(at)]

    def book(self, at: datetime) -> Book:
        bids, asks = (level("100"), level("99")), (level("101"), level("102"))
        return Book(symbol=SYMBOL, bids=bids, asks=asks, observed_at=at)

    def trade(self, at: datetime) -> Trade:
        return Trade(symbol=SYMBOL, price=Decimal(100), quantity=Decimal("0.1"), observed_at=at)

    def candle(self, at: datetime) -> Candle:
        four = {"open": Decimal(100), "high": Decimal(102), "low": Decimal(99), "close": Decimal(101)}
        opened_at = at.replace(minute=at.minute - at.minute % 5, second=0, microsecond=0)
        return Candle(symbol=SYMBOL, timeframe="5m", opened_at=opened_at, volume=Decimal(3), **four)

    def sentiment(self, at: datetime) -> Sentiment:
        return Sentiment(score=Decimal("-0.5"), observed_at=at)

    async def stream(self) -> AsyncIterator[Tick]:
        at = NOON
        while True:
            for tick in self.ticks(at):
                yield tick
            at += timedelta(seconds=1)
            await asyncio.sleep(0.001)


def level(price: str, size: str = "1") -> Level:
    return Level(price=Decimal(price), size=Decimal(size))


def source_subject(source: type[AcmeSource]) -> SourceSubject:
    return SourceSubject(make_source=lambda: source(context()), ticks_max=25, listen_s=1)


class GoodSigner(AcmeSigner):
    """Signs messages too."""

    async def sign_typed_data(self, request: TypedDataRequest) -> bytes:
        try:
            body = json.loads(request.typed_data)
            chain_id = body["domain"].get("chainId")
            message = encode_typed_data(full_message=body)
        except Exception as fault:
            raise Unsupported("the message cannot be read") from fault
        if chain_id != request.chain_id:
            raise Unsupported(f"the message is for chain {chain_id}")
        return bytes(self._account.sign_message(message).signature)


def signer_subject(signer: AcmeSigner) -> SignerSubject:
    return SignerSubject(signer=signer, chain_id=1)


class IntentRouter(AcmeRouter):
    """Plans one order of an intent protocol in place of a call."""

    def __init__(self, plugin_context: PluginContext) -> None:
        super().__init__(plugin_context)
        self.submitted: dict[ClientOrderId, OrderState] = {}

    async def prepare(self, request: SwapRequest, offer: RouteQuote) -> Plan:
        await super().prepare(request, offer)
        minimum = max(request.amount_out_min, offer.amount_out_min)
        order = TypedDataOrder(
            typed_data=json.dumps(self.message(request, minimum), sort_keys=True), valid_until=request.expires_at
        )
        return Plan(steps=(Approval(token=request.from_token, spender=CONTRACT, amount=request.amount), order))

    def message(self, request: SwapRequest, minimum: Decimal) -> dict[str, object]:
        fields = {
            "sellToken": request.from_token,
            "buyToken": request.to_token,
            "receiver": request.owner,
            "sellAmount": str(int(request.amount.scaleb(request.from_decimals))),
            "buyAmount": str(int(minimum.scaleb(request.to_decimals))),
        }
        types = [{"name": name, "type": "uint256" if "Amount" in name else "address"} for name in sorted(fields)]
        domain = {"name": "Acme", "chainId": request.chain_id}
        domain_types = [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}]
        return {
            "domain": domain,
            "types": {"EIP712Domain": domain_types, "Order": types},
            "primaryType": "Order",
            "message": fields,
        }

    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        match plan.steps:
            case (Approval() as approval, TypedDataOrder() as order):
                fields = json.loads(order.typed_data)["message"]
            case _:
                raise Unsupported("the plan is not one approval and one order")
        amount = Decimal(fields["sellAmount"]).scaleb(-request.from_decimals)
        if approval != Approval(token=request.from_token, spender=CONTRACT, amount=amount):
            raise Unsupported("the approval is not of what the order takes")
        minimum = Decimal(fields["buyAmount"]).scaleb(-request.to_decimals)
        return (
            Finding(flow=Flow.OUT, token=fields["sellToken"], amount=amount, counterparty=CONTRACT),
            Finding(flow=Flow.IN, token=fields["buyToken"], amount=minimum, counterparty=fields["receiver"]),
        )

    async def submit_order(self, submission: OrderSubmission) -> ExecutionReport:
        message = encode_typed_data(full_message=json.loads(submission.order.typed_data))
        try:
            is_owner = Account.recover_message(message, signature=submission.signature) == OWNER
        except Exception:  # noqa: BLE001 - whatever the library finds wrong with it
            is_owner = False
        self.submitted[submission.client_order_id] = OrderState.OPEN if is_owner else OrderState.REJECTED
        return report(submission.client_order_id, self.submitted[submission.client_order_id])

    async def find_submission(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        state = self.submitted.get(client_order_id)
        return None if state is None else report(client_order_id, state)

    async def prepare_cancellation(self, client_order_id: ClientOrderId) -> Plan:
        return Plan(steps=())

    async def cancel_submission(self, client_order_id: ClientOrderId, signature: bytes | None) -> ExecutionReport:
        if client_order_id in self.submitted:
            self.submitted[client_order_id] = OrderState.CANCELLED
        return report(client_order_id, self.submitted.get(client_order_id, OrderState.ABSENT))


async def sign_as_owner(order: TypedDataOrder) -> bytes:
    message = encode_typed_data(full_message=json.loads(order.typed_data))
    return bytes(Account.from_key(KEY).sign_message(message).signature)


def swap_request(**changes: object) -> SwapRequest:
    token = SwapRequest(
        chain="ethereum",
        chain_id=1,
        from_asset=Asset("USDC"),
        from_token=USDC,
        from_decimals=6,
        to_asset=Asset("WETH"),
        to_token=WETH,
        to_decimals=18,
        amount=Decimal(1000),
        amount_out_min=Decimal("0.4"),
        owner=OWNER,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )
    return msgspec.structs.replace(token, **changes)


def router_subject(router: AcmeRouter) -> RouterSubject:
    return RouterSubject(router=router, request=swap_request(), sign=sign_as_owner)


def native_subject(router: AcmeRouter) -> RouterSubject:
    request = swap_request(from_token=NATIVE_TOKEN, from_asset=Asset("ETH"), from_decimals=18, amount=Decimal("0.5"))
    return RouterSubject(router=router, request=request)


def notifier_subject(notifier: AcmeNotifier) -> NotifierSubject:
    return NotifierSubject(notifier=notifier)
