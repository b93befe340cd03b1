"""The gate: the port is called for a good permit, and for nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest, OrderState, OrderType, Side
from readytrader_sdk.ports import TransferRequest

from appliance.domain.decision import Action, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest
from appliance.plugin_host.gate import REMEMBERED, Gate, PermitRefused, PermitSigner
from tests.service.rig import BTC, VENUE, ManualClock

OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


class Counting:
    """An exchange of which only the calls that move value matter."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def place_order(self, order: OrderRequest) -> ExecutionReport:
        self.calls.append(order.client_order_id)
        return ExecutionReport(
            client_order_id=order.client_order_id, state=OrderState.OPEN, reported_at=ManualClock().now
        )


class Bench:
    """A gate with its parts within reach."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.port = Counting()
        self.signer = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
        self.halted = False
        self.gate = Gate(self.port, self.signer.public_key, self.clock, lambda: self.halted, VENUE)

    def permit(self, payload: OrderRequest | TransferRequest, action: Action = Action.PLACE) -> Permit:
        return Permit(
            request_id=RequestId(payload.client_order_id),
            action=action,
            venue=VENUE,
            payload_digest=digest(payload),
            issued_at=self.clock.now,
            expires_at=self.clock.now + timedelta(seconds=10),
        )

    def perform(self, signed: SignedPermit, payload: OrderRequest | TransferRequest) -> ExecutionReport:
        return asyncio.run(self.gate.perform(signed, payload))

    def refuses(self, signed: SignedPermit, payload: OrderRequest | TransferRequest, why: str) -> None:
        before = list(self.port.calls)
        with pytest.raises(PermitRefused, match=why):
            self.perform(signed, payload)
        assert self.port.calls == before


def an_order(number: int = 1) -> OrderRequest:
    return OrderRequest(
        client_order_id=ClientOrderId(f"rt{number}"),
        venue=VENUE,
        symbol=BTC,
        side=Side.BUY,
        quantity=Decimal("0.01"),
        order_type=OrderType.MARKET,
        price_worst=Decimal("51000"),
    )


def a_transfer() -> TransferRequest:
    return TransferRequest(
        client_order_id=ClientOrderId("rt9"), chain="ethereum", asset=Asset("ETH"), amount=Decimal(1), to_address="0x"
    )


def test_a_good_permit_opens_the_gate_once() -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    assert bench.perform(signed, order).state is OrderState.OPEN
    bench.refuses(signed, order, "already used")
    assert bench.port.calls == ["rt1"]


def test_a_permit_of_another_signer_is_refused() -> None:
    bench, order = Bench(), an_order()
    bench.refuses(PermitSigner(OTHER_KEY).sign(bench.permit(order)), order, "signature")


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": ManualClock().now + timedelta(days=1)},
        {"payload_digest": digest(an_order(2))},
        {"request_id": RequestId("rt2")},
        {"action": Action.REPLACE},
        {"venue": VenueId("elsewhere")},
        {"replaces": ClientOrderId("rt7")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_permit_changed_after_it_was_signed_is_refused(change: dict[str, object]) -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    forged = msgspec.structs.replace(signed, permit=msgspec.structs.replace(signed.permit, **change))
    bench.refuses(forged, order, "signature")


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal("0.02")},
        {"quantity": Decimal("0.010")},
        {"price_worst": Decimal("51001")},
        {"side": Side.SELL},
        {"client_order_id": ClientOrderId("rt2")},
    ],
    ids=str,
)
def test_a_permit_is_for_exactly_one_payload(change: dict[str, object]) -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    bench.refuses(signed, msgspec.structs.replace(order, **change), "another payload")


def test_a_permit_for_one_venue_opens_no_other() -> None:
    bench, order = Bench(), an_order()
    permit = msgspec.structs.replace(bench.permit(order), venue=VenueId("elsewhere"))
    bench.refuses(bench.signer.sign(permit), order, "it is for elsewhere, this is binance")


def test_a_gate_made_anew_takes_no_permit_that_its_predecessor_may_have_let_through() -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    bench.perform(signed, order)
    bench.clock.advance(0.000001)
    bench.gate = Gate(bench.port, bench.signer.public_key, bench.clock, lambda: False, VENUE)
    bench.refuses(signed, order, "before this process")
    fresh = an_order(2)
    bench.perform(bench.signer.sign(bench.permit(fresh)), fresh)


def test_a_permit_names_the_request_that_its_order_names() -> None:
    bench, order = Bench(), an_order()
    permit = msgspec.structs.replace(bench.permit(order), request_id=RequestId("rt5"))
    bench.refuses(bench.signer.sign(permit), order, "another payload")


def test_a_permit_is_good_until_the_instant_it_expires() -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    bench.clock.advance(10)
    bench.refuses(signed, order, "expired")
    bench.clock.advance(-0.000001)
    bench.perform(signed, order)


def test_a_clock_that_is_set_back_revives_no_used_permit() -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    bench.perform(signed, order)
    bench.clock.advance(600)
    later = an_order(2)
    bench.perform(bench.signer.sign(bench.permit(later)), later)
    bench.clock.advance(-599)
    bench.refuses(signed, order, "already used")


def test_used_permits_are_forgotten_long_after_they_expired() -> None:
    bench = Bench()
    for number in range(20):
        order = an_order(number)
        bench.perform(bench.signer.sign(bench.permit(order)), order)
        bench.clock.advance(REMEMBERED.total_seconds())
    assert len(bench.gate._used) <= 2


def test_nothing_passes_while_trading_is_halted() -> None:
    bench, order = Bench(), an_order()
    signed = bench.signer.sign(bench.permit(order))
    bench.halted = True
    bench.refuses(signed, order, "halted")
    bench.halted = False
    bench.perform(signed, order)


@pytest.mark.parametrize("action", [Action.REPLACE, Action.TRANSFER])
def test_a_permit_for_another_action_places_no_order(action: Action) -> None:
    bench, order = Bench(), an_order()
    bench.refuses(bench.signer.sign(bench.permit(order, action)), order, "does not fit")


def test_a_permit_to_replace_does_not_place_beside_the_old_order() -> None:
    bench, order = Bench(), an_order()
    permit = msgspec.structs.replace(bench.permit(order), replaces=ClientOrderId("rt7"))
    bench.refuses(bench.signer.sign(permit), order, "does not fit")


def test_a_permit_to_place_makes_no_transfer() -> None:
    bench, transfer = Bench(), a_transfer()
    bench.refuses(bench.signer.sign(bench.permit(transfer)), transfer, "does not fit")


def test_a_port_that_cannot_transfer_or_replace_is_not_asked_to() -> None:
    bench, transfer, order = Bench(), a_transfer(), an_order()
    with pytest.raises(Unsupported):
        bench.perform(bench.signer.sign(bench.permit(transfer, Action.TRANSFER)), transfer)
    replacing = msgspec.structs.replace(bench.permit(order, Action.REPLACE), replaces=ClientOrderId("rt7"))
    with pytest.raises(Unsupported):
        bench.perform(bench.signer.sign(replacing), order)
    assert bench.port.calls == []
