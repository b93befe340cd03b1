"""The gate in front of every port that moves value: no call without a permit for exactly that call.

The core signs a permit; the gate, which stands in the plugin's process, verifies it again before the plugin's code
runs: signature, expiry, action, payload digest, and that it was never used. It holds the public key only, so nothing
on its side of the wall can make a permit.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from readytrader_sdk.errors import Unsupported
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest
from readytrader_sdk.ports import AmendPort, ExchangePort, TransferPort, TransferRequest

from appliance.domain.decision import Action, Payload, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest

REMEMBERED = timedelta(hours=1)
"""How long a used permit is known after it expired: a clock that is set back within it revives none."""

_canonical = msgspec.json.Encoder(order="deterministic")


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


class Gate:
    """Stands before one exchange port and calls it only with a good permit."""

    def __init__(
        self,
        port: ExchangePort,
        public_key: Ed25519PublicKey,
        clock: Callable[[], datetime],
        is_halted: Callable[[], bool],
    ) -> None:
        self._port = port
        self._public_key = public_key
        self._clock = clock
        self._is_halted = is_halted
        self._used: dict[RequestId, datetime] = {}

    @property
    def reads(self) -> ExchangePort:
        """The port, for the calls that move nothing: instruments, cancel, find, open orders, balances."""
        return self._port

    async def perform(self, signed: SignedPermit, payload: Payload) -> ExecutionReport:
        """Make the permitted call, once. Raises `PermitRefused` when it was not made, else what the port raises."""
        self._admit(signed, payload)
        permit = signed.permit
        if permit.action is Action.TRANSFER and isinstance(payload, TransferRequest):
            if not isinstance(self._port, TransferPort):
                raise Unsupported("this venue makes no transfers")
            return await self._port.transfer(payload)
        if isinstance(payload, TransferRequest):
            raise PermitRefused(f"permit {permit.request_id}: {permit.action} is not a transfer")
        return await self._order(permit, payload)

    async def _order(self, permit: Permit, order: OrderRequest) -> ExecutionReport:
        if permit.action is Action.PLACE and permit.replaces is None:
            return await self._port.place_order(order)
        if permit.action is Action.REPLACE and permit.replaces is not None:
            if not isinstance(self._port, AmendPort):
                raise Unsupported("this venue replaces no orders")
            return await self._port.replace_order(permit.replaces, order)
        raise PermitRefused(f"permit {permit.request_id}: {permit.action} does not fit an order")

    def _admit(self, signed: SignedPermit, payload: Payload) -> None:
        permit, now = signed.permit, self._clock()
        name = f"permit {permit.request_id}"
        try:
            self._public_key.verify(signed.signature, _canonical.encode(permit))
        except InvalidSignature as fault:
            raise PermitRefused(f"{name}: the signature is not the core's") from fault
        if self._is_halted():
            raise PermitRefused(f"{name}: trading is halted")
        if now >= permit.expires_at:
            raise PermitRefused(f"{name}: expired at {permit.expires_at:%H:%M:%S.%f}")
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
