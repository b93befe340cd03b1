"""Acme as a ReadyTrader DEX router. Its contract and its rate are made up: replace `_rate` and `calldata.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.hooks import PluginContext, RouterFactory, hookimpl
from readytrader_sdk.money import round_down
from readytrader_sdk.ports import (
    NATIVE_TOKEN,
    Approval,
    Call,
    Finding,
    Flow,
    Plan,
    RouteQuote,
    Step,
    SwapRequest,
)

from .calldata import Swap, decode, encode

CHAIN_ID = 1
CONTRACT = "0xAc3e0000000000000000000000000000000000E1"
ROUTE = "acme-route-1"
OFFER_LASTS = timedelta(seconds=30)
SLIPPAGE = Decimal("0.005")


class AcmeRouter:
    """Swaps any token for any other at one rate."""

    def __init__(self, context: PluginContext) -> None:
        self._log = context.logger

    async def quote(self, request: SwapRequest) -> RouteQuote:
        """An offer, good for half a minute."""
        if request.chain_id != CHAIN_ID:
            raise Unsupported(f"chain_id: expected {CHAIN_ID}, got {request.chain_id}")
        _units(request.amount, request.from_decimals)
        amount_out = round_down(request.amount * _rate(request), Decimal(1).scaleb(-request.to_decimals))
        amount_out_min = round_down(amount_out * (1 - SLIPPAGE), Decimal(1).scaleb(-request.to_decimals))
        amount_out_min = max(amount_out_min, request.amount_out_min)
        if not 0 < amount_out_min <= amount_out:
            raise Unsupported(f"{amount_out} {request.to_asset} come out, at least {amount_out_min} should")
        return RouteQuote(
            amount_out=amount_out,
            amount_out_min=amount_out_min,
            spender=None if _is_native(request) else CONTRACT,
            expires_at=datetime.now(UTC) + OFFER_LASTS,
            opaque=ROUTE,
        )

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        """One approval of exactly the input, where one is needed, and one call."""
        if quote.opaque != ROUTE:
            raise Unsupported("this offer is not one of this router's")
        if quote.expires_at <= datetime.now(UTC):
            raise Unsupported("this offer has ended")
        minimum = max(request.amount_out_min, quote.amount_out_min)
        if minimum > quote.amount_out:
            raise Unsupported(f"{quote.amount_out} {request.to_asset} come out, at least {minimum} should")
        swap = Swap(
            from_token=request.from_token,
            amount=_units(request.amount, request.from_decimals),
            to_token=request.to_token,
            minimum=_units(minimum, request.to_decimals),
            receiver=request.owner,
            deadline=int(request.expires_at.timestamp()),
        )
        call = Call(to=CONTRACT, value=swap.amount if _is_native(request) else 0, data=encode(swap), gas_hint=150_000)
        if _is_native(request):
            return Plan(steps=(call,))
        return Plan(steps=(Approval(token=request.from_token, spender=CONTRACT, amount=request.amount), call))

    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        """What the bytes say: read from them alone, with the request only to know how many digits a token has."""
        *approvals, call = plan.steps or (None,)
        if not isinstance(call, Call) or call.to.lower() != CONTRACT.lower():
            raise Unsupported("the plan does not end with a call of this router's contract")
        swap = decode(call.data)
        for wanted, seen in ((request.from_token, swap.from_token), (request.to_token, swap.to_token)):
            if wanted.lower() != seen.lower():
                raise Unsupported(f"the call is about the token {seen}")
        if call.value != (swap.amount if _is_native(request) else 0):
            raise Unsupported(f"the call carries {call.value} wei")
        amount = Decimal(swap.amount).scaleb(-request.from_decimals)
        expected: list[Step] = [Approval(token=request.from_token, spender=CONTRACT, amount=amount)]
        if approvals != ([] if _is_native(request) else expected):
            raise Unsupported("the approvals are not of exactly what the call takes")
        minimum = Decimal(swap.minimum).scaleb(-request.to_decimals)
        return (
            Finding(flow=Flow.OUT, token=swap.from_token, amount=amount, counterparty=call.to),
            Finding(flow=Flow.IN, token=swap.to_token, amount=minimum, counterparty=swap.receiver),
        )


def _rate(request: SwapRequest) -> Decimal:
    return Decimal(2000) if _is_native(request) else Decimal("0.0005")


def _is_native(request: SwapRequest) -> bool:
    return request.from_token.lower() == NATIVE_TOKEN.lower()


def _units(amount: Decimal, decimals: int) -> int:
    """Whole units to the smallest ones. Raises `Unsupported` for what is finer than those."""
    units = amount.scaleb(decimals)
    if units != units.to_integral_value() or units <= 0:
        raise Unsupported(f"expected more than 0 with at most {decimals} digits after the point, got {amount}")
    return int(units)


@hookimpl
def register_routers() -> Mapping[str, RouterFactory]:
    """The name is the one of the entry point."""
    return {"acme-plugin": AcmeRouter}
