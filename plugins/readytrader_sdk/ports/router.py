"""DEX routers: they offer and they plan; they never sign and never broadcast.

A swap has three steps, and the core stands between them: `quote` (an offer, with the router's own text to hand back),
`prepare` (what would have to be signed: transactions, or one order of an intent protocol), `verify` (the plugin decodes
its own plan and says what it does). The core then checks the plan against policy and a simulation of exactly those
bytes; nonce, fees, signature and broadcast are its own.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from msgspec import Struct

from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import ClientOrderId, ExecutionReport

NATIVE_TOKEN = "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"  # noqa: S105 - an address, no password
"""Stands for a chain's own coin where a token's address is asked for: the convention of the routers."""


class SwapRequest(Struct, frozen=True, kw_only=True):
    """Sell exactly `amount` of `from_asset` (whole units) for at least `amount_out_min` of `to_asset`."""

    chain: str
    chain_id: int
    from_asset: Asset
    from_token: str
    """The token's address, or `NATIVE_TOKEN`."""
    from_decimals: int
    """The digits of the token's smallest unit, as its contract says: 6 makes 0.000001 the smallest amount."""
    to_asset: Asset
    to_token: str
    to_decimals: int
    amount: Decimal
    """A multiple of the smallest unit; an amount that is finer is refused, never rounded."""
    amount_out_min: Decimal
    """What a plan must guarantee. Zero in a request for a quote alone: what would come out?"""
    owner: str
    """The address that pays, signs, and receives."""
    expires_at: datetime
    """The plan can be executed until then at the latest, where the protocol can say so."""


class RouteQuote(Struct, frozen=True, kw_only=True):
    """A router's offer: what comes out for an exact amount in, who may pull the input, and until when."""

    amount_out: Decimal
    amount_out_min: Decimal
    spender: str | None
    """Who must be allowed to pull exactly the input; None for the native coin."""
    expires_at: datetime
    opaque: str
    """The router's own text (a route, a path ID, a signature of the offer), handed back verbatim in `prepare`."""


class Approval(Struct, frozen=True, kw_only=True, tag="approval"):
    """An allowance that the plan needs: exact, never unlimited. The core makes the transaction itself."""

    token: str
    spender: str
    amount: Decimal


class Call(Struct, frozen=True, kw_only=True, tag="call"):
    """One contract call to be signed. `value` in the smallest unit (wei); nonce and fees are the core's."""

    to: str
    value: int
    data: bytes
    gas_hint: int | None = None


class TypedDataOrder(Struct, frozen=True, kw_only=True, tag="typed_data_order"):
    """An order of an intent protocol: an EIP-712 message to be signed and then submitted with `submit_order`."""

    typed_data: str
    """Canonical JSON, domain and types included."""
    valid_until: datetime
    opaque: str = ""
    """The router's own text, handed back verbatim in the submission: what the service wants beside the message."""


Step = Approval | Call | TypedDataOrder


class Plan(Struct, frozen=True, kw_only=True):
    """What has to be signed, in this order."""

    steps: tuple[Step, ...]


class Flow(StrEnum):
    """Which way value goes, seen from the owner."""

    OUT = "out"
    IN = "in"


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that a plan does, read back from its bytes. `amount` in whole units."""

    flow: Flow
    token: str
    amount: Decimal
    counterparty: str
    """Who pulls, or who receives."""


@runtime_checkable
class RouterPort(Protocol):
    """A DEX router. Required of every router plugin."""

    async def quote(self, request: SwapRequest) -> RouteQuote:
        """An offer for exactly `amount`. Timeout 10 s. May be repeated; two offers may differ.

        Raises `Unsupported` for a chain, a token or an amount that it cannot route, `Unavailable` to be asked later.
        """

    async def prepare(self, request: SwapRequest, quote: RouteQuote) -> Plan:
        """What would have to be signed to take the offer. Timeout 10 s. May be repeated: nothing is sent or reserved.

        Approvals are exactly the amount and for the quote's spender alone; none for the native coin. Raises
        `Unsupported` when the offer has expired, was altered, or cannot give `amount_out_min`; `Unavailable`.
        """

    async def verify(self, request: SwapRequest, plan: Plan) -> tuple[Finding, ...]:
        """What the plan's bytes really do, decoded by the plugin itself. Timeout 10 s. May be repeated.

        OUT is the most that can leave the owner, IN the least that must arrive, both read from the bytes and not from
        the request. Raises `Unsupported` for bytes that it cannot read in full: such a plan is not signed.
        """


class OrderSubmission(Struct, frozen=True, kw_only=True, tag="submission"):
    """A signed order of an intent protocol, on its way to the solvers."""

    client_order_id: ClientOrderId
    order: TypedDataOrder
    signature: bytes


@runtime_checkable
class IntentOrderPort(Protocol):
    """Optional: a router of an intent protocol, whose orders are submitted to it and filled by others."""

    async def submit_order(self, submission: OrderSubmission) -> ExecutionReport:
        """Hand it in. **Moves value; never repeated.** Timeout 10 s.

        Raises `Unavailable` only when the order provably did not arrive, `OutcomeUnknown` whenever that is in doubt.
        """

    async def find_submission(self, client_order_id: ClientOrderId) -> ExecutionReport | None:
        """The order's state with *all* its fills, or None when it was never handed in. Timeout 10 s. May be repeated.

        The protocol names orders in its own way: the plugin keeps the two names in its state folder.
        """

    async def prepare_cancellation(self, client_order_id: ClientOrderId) -> Plan:
        """What would have to be signed to cancel: nothing, one transaction, or one message for `cancel_submission`.

        Timeout 10 s. May be repeated: nothing is sent. Raises `Unsupported` where an order can only expire.
        """

    async def cancel_submission(self, client_order_id: ClientOrderId, signature: bytes | None) -> ExecutionReport:
        """Ask for a cancellation, with the signature of its message where the protocol wants one; the state after it.

        Timeout 10 s. May be repeated. A filled order stays filled; one never handed in is ABSENT.
        """
