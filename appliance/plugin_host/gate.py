"""The gate in front of every port that moves value: no call without a permit for exactly that call.

The core signs a permit; the gate, which stands in the plugin's process, verifies it again before the plugin's code
runs: signature, expiry, action, venue, payload digest, and that it was never used. It holds the public key only, so
nothing on its side of the wall can make a permit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from readytrader_sdk.errors import Unavailable, Unsupported
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest
from readytrader_sdk.ports import (
    ExchangePort,
    LendingRequest,
    OrderSubmission,
    TransactionRequest,
    TransferRequest,
    TypedDataRequest,
)

from appliance.domain.decision import Action, Payload, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest

REMEMBERED = timedelta(hours=1)
"""How long a used permit is known after it expired: a clock that is set back within it revives none."""

Movable = OrderRequest | TransferRequest | LendingRequest | TransactionRequest | TypedDataRequest | OrderSubmission
"""What a call that moves value can be about."""

CALLS: dict[Action, tuple[str, type[Movable]]] = {
    Action.PLACE: ("place_order", OrderRequest),
    Action.REPLACE: ("replace_order", OrderRequest),
    Action.TRANSFER: ("transfer", TransferRequest),
    Action.LEND: ("lend", LendingRequest),
    Action.SIGN_TRANSACTION: ("sign_transaction", TransactionRequest),
    Action.SIGN_TYPED_DATA: ("sign_typed_data", TypedDataRequest),
    Action.SUBMIT: ("submit_order", OrderSubmission),
}
"""Which method of a port each action calls, and with what."""

_canonical = msgspec.json.Encoder(order="deterministic")


class NotSent(Unavailable):
    """The core's own word that a call never left it; a plugin's `Unavailable` is hearsay beside it."""


class PermitRefused(Exception):
    """The gate did not let a call through; the plugin was not called. The message says why."""


class PermitSigner:
    """The core's half: signs permits with a key that never leaves this object."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def sign(self, permit: Permit) -> SignedPermit:
        """The permit with an Ed25519 signature (RFC 8032) over its canonical JSON."""
        return SignedPermit(permit=permit, signature=self._key.sign(_canonical.encode(permit)))


class Venue(Protocol):
    """What execution needs of a venue, wherever it runs: one way to move value, and the calls that move none."""

    @property
    def reads(self) -> ExchangePort:
        """The calls that move nothing: instruments, cancel, find, open orders, balances."""

    @property
    def is_ours(self) -> bool:
        """Whether it is code of the core, so that its word of what it did is our own."""

    async def perform(self, signed: SignedPermit, payload: Payload) -> ExecutionReport:
        """Make the permitted call, once. Raises `PermitRefused` when it was not made, else what the port raises."""


class Gate:
    """Stands before one port and calls it only with a good permit."""

    def __init__(
        self,
        port: object,
        public_key: Ed25519PublicKey,
        clock: Callable[[], datetime],
        is_halted: Callable[[], bool],
        venue: VenueId | None,
    ) -> None:
        """`venue` is what permits must be for; None takes any, as the paper venue stands for all of them.

        A gate knows only what it let through itself: permits from before it was made may have been used with its
        predecessor, and are refused.
        """
        self._port = port
        self._public_key = public_key
        self._clock = clock
        self._is_halted = is_halted
        self._venue = venue
        self._opened_at = clock()
        self._used: dict[RequestId, datetime] = {}

    async def perform(self, signed: SignedPermit, payload: Movable) -> Any:
        """Make the permitted call, once. Raises `PermitRefused` when it was not made, else what the port raises."""
        self._admit(signed, payload)
        permit = signed.permit
        name, _ = CALLS[permit.action]
        method = getattr(self._port, name, None)
        if method is None:
            raise Unsupported(f"this venue has no {name}")
        if permit.action is Action.REPLACE:
            return await method(permit.replaces, payload)
        return await method(payload)

    def _admit(self, signed: SignedPermit, payload: Movable) -> None:
        permit, now = signed.permit, self._clock()
        name = f"permit {permit.request_id}"
        try:
            self._public_key.verify(signed.signature, _canonical.encode(permit))
        except InvalidSignature as fault:
            raise PermitRefused(f"{name}: the signature is not the core's") from fault
        if self._is_halted():
            raise PermitRefused(f"{name}: trading is halted")
        if permit.issued_at < self._opened_at:
            raise PermitRefused(f"{name}: issued at {permit.issued_at:%H:%M:%S.%f}, before this process could know it")
        if now >= permit.expires_at:
            raise PermitRefused(f"{name}: expired at {permit.expires_at:%H:%M:%S.%f}")
        if self._venue is not None and permit.venue != self._venue:
            raise PermitRefused(f"{name}: it is for {permit.venue}, this is {self._venue}")
        if not _fits(permit, payload):
            raise PermitRefused(f"{name}: {permit.action} does not fit {type(payload).__name__}")
        if payload.client_order_id != ClientOrderId(permit.request_id) or digest(payload) != permit.payload_digest:
            raise PermitRefused(f"{name}: it is for another payload")
        if permit.request_id in self._used:
            raise PermitRefused(f"{name}: already used")
        self._forget_expired(now)
        self._used[permit.request_id] = permit.expires_at

    def _forget_expired(self, now: datetime) -> None:
        """Drop used permits that expired long enough ago; the oldest come first, so that few are looked at."""
        while self._used:
            oldest = next(iter(self._used))
            if self._used[oldest] > now - REMEMBERED:
                return
            del self._used[oldest]


def _fits(permit: Permit, payload: Movable) -> bool:
    """Whether the action is one that such a payload is for, with an order to replace exactly where one is replaced."""
    return isinstance(payload, CALLS[permit.action][1]) and (permit.action is Action.REPLACE) == (
        permit.replaces is not None
    )


class LocalVenue:
    """A venue in this very process, behind a gate of its own: the paper venue."""

    def __init__(self, port: ExchangePort, gate: Gate) -> None:
        self._port = port
        self._gate = gate

    @property
    def reads(self) -> ExchangePort:
        """The port, for the calls that move nothing."""
        return self._port

    @property
    def is_ours(self) -> bool:
        """It is."""
        return True

    async def perform(self, signed: SignedPermit, payload: Payload) -> ExecutionReport:
        """As `Gate.perform`."""
        report: ExecutionReport = await self._gate.perform(signed, payload)
        return report
