"""In the worker, before the plugin: a call that moves value is made with a good permit for exactly it, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from readytrader_sdk.evm import Transaction
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.orders import ClientOrderId
from readytrader_sdk.ports import TransactionRequest

from appliance.domain.decision import Action, SignedPermit
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.messages import Fault, Halted
from tests.worker.client import OTHER_SIGNER, SIGNER, Worker, a_permit, a_plugin, a_worker, an_exchange, an_order

REPLACING = """
async def replace_order(self, replaced, order):
    self.placed.append(f"{replaced}>{order.client_order_id}")
    return report(order.client_order_id)
"""


def placed(worker: Worker) -> list[str]:
    """What reached the plugin."""
    return [order["client_order_id"] for order in worker.call("open_orders")]


def refuses(worker: Worker, permit: SignedPermit | None, why: str, method: str = "place_order", *args: Any) -> None:
    before = placed(worker)
    fault, text = worker.fails(method, *(args or (an_order(),)), permit=permit)
    assert fault is Fault.PERMIT_REFUSED
    assert why in text
    assert placed(worker) == before


def test_a_good_permit_opens_the_gate_once(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        permit = a_permit(an_order())
        assert worker.call("place_order", an_order(), permit=permit)["state"] == "open"
        assert placed(worker) == ["rt1"]
        refuses(worker, permit, "already used")


@pytest.mark.parametrize(
    ("permit", "why"),
    [
        (lambda: None, "there is no permit"),
        (lambda: a_permit(an_order(), signer=OTHER_SIGNER), "the signature is not the core's"),
        (lambda: a_permit(an_order(), expires_at=datetime.now(UTC)), "expired"),
        (lambda: a_permit(an_order(), issued_at=datetime.now(UTC) - timedelta(hours=1)), "before this process"),
        (lambda: a_permit(an_order(), venue=VenueId("elsewhere")), "it is for elsewhere, this is binance"),
        (lambda: a_permit(an_order(quantity=Decimal(1))), "another payload"),
        (lambda: a_permit(an_order(2)), "another payload"),
        (lambda: a_permit(an_order(), Action.TRANSFER), "the permit is for transfer"),
        (lambda: a_permit(an_order(), Action.REPLACE, replaces=ClientOrderId("rt0")), "the permit is for replace"),
        (lambda: a_permit(an_order(), replaces=ClientOrderId("rt0")), "place does not fit OrderRequest"),
    ],
    ids=["none", "forged", "expired", "old", "of another venue", "for more", "for another", "of another kind",
         "for a replacement", "that replaces"],
)  # fmt: skip
def test_any_other_permit_opens_nothing(tmp_path: Path, permit: Any, why: str) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        refuses(worker, permit(), why)


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": datetime.now(UTC) + timedelta(days=1)},
        {"request_id": "rt2"},
        {"venue": "elsewhere"},
        {"payload_digest": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_permit_that_was_altered_opens_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        good = a_permit(an_order())
        altered = msgspec.structs.replace(good, permit=msgspec.structs.replace(good.permit, **change))
        refuses(worker, altered, "the signature is not the core's")


def test_while_trading_is_halted_nothing_passes(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        worker.send(Halted(halted=True))
        refuses(worker, a_permit(an_order()), "trading is halted")
        worker.send(Halted(halted=False))
        assert worker.place()["state"] == "open"


def test_until_the_core_has_said_otherwise_trading_is_halted(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.start()
        refuses(worker, a_permit(an_order()), "trading is halted")


def test_without_a_key_no_permit_can_be_good(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), permit_key=b"") as worker:
        worker.ready()
        refuses(worker, a_permit(an_order()), "no key to check a permit with")


def test_a_replacement_names_the_order_that_its_permit_names(tmp_path: Path) -> None:
    order = an_order()
    permit = a_permit(order, Action.REPLACE, replaces=ClientOrderId("rt0"))
    with a_worker(tmp_path, an_exchange(REPLACING)) as worker:
        assert worker.ready().optional_methods == ("replace_order",)
        permit = a_permit(order, Action.REPLACE, replaces=ClientOrderId("rt0"))
        refuses(worker, permit, "the permit replaces another order", "replace_order", "rt9", order)
        refuses(worker, a_permit(order), "the permit is for place", "replace_order", "rt0", order)
        worker.call("replace_order", "rt0", order, permit=permit)
        assert placed(worker) == ["rt0>rt1"]


def test_a_signer_takes_permits_for_its_own_name(tmp_path: Path) -> None:
    code = a_plugin(
        "register_signers",
        """
def __init__(self, context): ...
async def address(self): return "0x"
async def sign_transaction(self, request): return request.transaction.value.to_bytes(32, "big")
""",
    )
    wei = 20 * 10**18
    transaction = Transaction(
        chain_id=1, nonce=0, to=None, value=wei, data=b"", gas=21000, max_fee_per_gas=1, max_priority_fee_per_gas=1
    )
    request = TransactionRequest(client_order_id=ClientOrderId("rt1"), transaction=transaction)
    with a_worker(tmp_path, code, kind=Kind.SIGNER) as worker:
        worker.ready()
        other = a_permit(request, Action.SIGN_TRANSACTION, venue=VenueId("other"))
        fault, text = worker.fails("sign_transaction", request, permit=other)
        assert (fault, "it is for other, this is acme" in text) == (Fault.PERMIT_REFUSED, True)
        good = a_permit(request, Action.SIGN_TRANSACTION, SIGNER, venue=VenueId("acme"))
        signed = worker.call("sign_transaction", request, permit=good)
        assert msgspec.convert(signed, bytes, strict=False) == wei.to_bytes(32, "big")


PATCHES = {
    "the gate's methods": """
from appliance.plugin_host import gate
gate.Gate._admit = lambda *_: None
""",
    "the gate's class": """
from appliance.plugin_host import gate
class Open(gate.Gate):
    async def perform(self, signed, payload):
        return await self._port.place_order(payload)
gate.Gate = Open
""",
    "what the gate calls": """
import hashlib, msgspec
from appliance.domain import intents
from appliance.plugin_host import gate
class Anything:
    def __getattr__(self, name): return lambda *_, **__: Anything()
    def __eq__(self, other): return True
    def __ne__(self, other): return False
gate.digest = intents.digest = hashlib.sha256 = lambda *_: Anything()
gate._canonical = intents._canonical = Anything()
gate._fits = lambda *_: True
gate.PermitRefused = gate.InvalidSignature = ZeroDivisionError
gate.CALLS.clear()
msgspec.json = msgspec.msgpack = Anything()
""",
    "the worker": """
from appliance.plugin_host.worker import main, permits, sealing, serving
main.sealed = permits.sealed = sealing.sealed = lambda cls: cls
class Yes:
    def verify(self, *_): ...
permits.Ed25519PublicKey = Yes
permits._now = lambda: NOW
serving.Server._move = lambda self, method, arguments, permit: self._calls[method.name](*arguments)
serving.Server._invoke = lambda self, method, arguments, permit: self._calls[method.name](*arguments)
serving.Server.send = lambda self, message: None
""",
}


@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("bad", ["forged", "for more"])
def test_a_plugin_that_patches_by_name_does_not_reach_the_gate(tmp_path: Path, patch: str, bad: str) -> None:
    permit = {
        "forged": lambda: a_permit(an_order(), signer=OTHER_SIGNER),
        "for more": lambda: a_permit(an_order(quantity=Decimal(1))),
    }[bad]
    with a_worker(tmp_path, an_exchange(top=PATCHES[patch])) as worker:
        worker.ready()
        message = worker.answer(worker.ask("place_order", an_order(), permit=permit()))
        assert getattr(message, "fault", None) in (Fault.PERMIT_REFUSED, Fault.BROKEN), message
        assert worker.answer(worker.ask("open_orders")).value == b"[]"  # type: ignore[union-attr]


def test_a_plugin_that_changes_builtins_while_it_runs_does_not_reach_the_gate(tmp_path: Path) -> None:
    methods = """
async def balances(self):
    import builtins
    builtins.isinstance = lambda *_: True
    builtins.getattr = lambda *_: self.place_order
    return ()
"""
    with a_worker(tmp_path, an_exchange(methods)) as worker:
        worker.ready()
        worker.call("balances")
        refuses(worker, a_permit(an_order(), signer=OTHER_SIGNER), "the signature is not the core's")
        refuses(worker, a_permit(an_order(), Action.TRANSFER), "the permit is for transfer")


def test_a_plugin_that_stops_the_clock_by_name_does_not_revive_a_permit(tmp_path: Path) -> None:
    top = """
import datetime as module
from appliance.plugin_host import gate
from appliance.plugin_host.worker import permits
class Then(module.datetime):
    @classmethod
    def now(cls, zone=None): return NOW
module.datetime = permits.datetime = gate.datetime = Then
permits._now = lambda: NOW
"""
    with a_worker(tmp_path, an_exchange(top=top)) as worker:
        worker.ready()
        refuses(worker, a_permit(an_order(), expires_at=datetime.now(UTC)), "expired")
