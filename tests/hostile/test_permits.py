"""Permits in a hostile plugin's worker: none but a good one, once, gets a call to the plugin through the core's wire.

A plugin may do with its own keys what it likes, within its hosts and its cage. What is kept here is that the core's
calls are not made to order by it: what it patches is not what judges.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from readytrader_sdk.errors import OutcomeUnknown, PluginError
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest

from appliance.domain.decision import Action, SignedPermit
from appliance.domain.intents import RequestId
from appliance.plugin_host.gate import PermitRefused, PermitSigner
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.kinds import METHODS, Kind
from tests.hostile.stage import Stage, new_stage, source_of
from tests.hostile.trading import QUICK, SECRET, Rogue, rogue, signed

OTHER = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def scene() -> Iterator[Rogue]:
    with rogue() as made:
        yield made


def refused(scene: Rogue, payload: OrderRequest, leave: SignedPermit, why: str) -> None:
    with pytest.raises(PermitRefused, match=why):
        scene.place(payload, leave)
    assert not scene.reached(payload)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expires_at": LONG_AGO}, "expired"),
        ({"issued_at": LONG_AGO}, "before this process could know it"),
        ({"venue": VenueId("elsewhere")}, "it is for elsewhere, this is paper"),
        ({"action": Action.TRANSFER}, "the permit is for transfer"),
        ({"action": Action.REPLACE, "replaces": ClientOrderId("x")}, "the permit is for replace"),
        ({"replaces": ClientOrderId("x")}, "does not fit"),
        ({"request_id": RequestId("another")}, "another payload"),
        ({"payload_digest": "0" * 64}, "another payload"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_the_core_s_own_permit_for_something_else_opens_nothing(
    scene: Rogue, changes: Mapping[str, Any], why: str
) -> None:
    payload = scene.next_order()
    refused(scene, payload, signed(payload, **changes), why)


@pytest.mark.parametrize(
    "changes",
    [
        {"request_id": RequestId("another")},
        {"action": Action.TRANSFER},
        {"venue": VenueId("elsewhere")},
        {"payload_digest": "0" * 64},
        {"issued_at": LONG_AGO},
        {"expires_at": datetime(2100, 1, 1, tzinfo=UTC)},
        {"replaces": ClientOrderId("x")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_permit_that_was_altered_in_any_field_opens_nothing(scene: Rogue, changes: Mapping[str, Any]) -> None:
    payload = scene.next_order()
    good = signed(payload)
    altered = msgspec.structs.replace(good, permit=msgspec.structs.replace(good.permit, **changes))
    refused(scene, payload, altered, "the signature is not the core's|the permit is for transfer")


def test_a_permit_for_less_opens_nothing_for_more(scene: Rogue) -> None:
    payload = scene.next_order()
    refused(scene, msgspec.structs.replace(payload, quantity=Decimal(100)), signed(payload), "another payload")


def test_a_forged_permit_opens_nothing(scene: Rogue) -> None:
    payload = scene.next_order()
    refused(scene, payload, OTHER.sign(signed(payload).permit), "the signature is not the core's")
    for signature in (b"", bytes(64), b"\xff" * 64, bytes(1000)):
        refused(scene, payload, msgspec.structs.replace(signed(payload), signature=signature), "signature")


def test_no_permit_at_all_opens_nothing_even_past_the_core_s_own_check(scene: Rogue) -> None:
    payload = scene.next_order()
    with pytest.raises(TypeError, match="permit"):
        scene.stage.run(scene.stage.worker("rogue").call("place_order", payload))
    link = scene.stage.worker("rogue")._link
    assert link is not None
    with pytest.raises(PermitRefused, match="there is no permit"):
        scene.stage.run(link.call(METHODS[Kind.EXCHANGE, "place_order"], (payload,), None, 10))
    assert not scene.reached(payload)


def test_a_permit_is_good_once_and_not_again_in_the_next_process(scene: Rogue) -> None:
    payload = scene.next_order()
    leave = signed(payload)
    assert isinstance(scene.place(payload, leave), ExecutionReport)
    with pytest.raises(PermitRefused, match="already used"):
        scene.place(payload, leave)
    pid, restarts = scene.health.pid, scene.health.restarts
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    scene.stage.ready("rogue", restarts + 1)
    with pytest.raises(PermitRefused, match="before this process could know it"):
        scene.place(payload, leave)
    assert isinstance(scene.place(scene.next_order()), ExecutionReport)


def test_a_permit_of_an_order_that_killed_its_worker_is_worth_nothing_afterwards(scene: Rogue) -> None:
    payload, restarts = scene.next_order("dies"), scene.health.restarts
    leave = signed(payload)
    with pytest.raises(OutcomeUnknown):
        scene.place(payload, leave)
    scene.stage.ready("rogue", restarts + 1)
    with pytest.raises(PermitRefused, match="before this process could know it"):
        scene.place(payload, leave)


def test_while_trading_is_halted_no_permit_opens_anything_in_the_next_process_neither(scene: Rogue) -> None:
    halt = scene.stage.host.set_halted
    scene.stage.call(lambda: halt(True))
    try:
        payload = scene.next_order()
        refused(scene, payload, signed(payload), "halted")
        restarts = scene.health.restarts
        scene.stage.call(lambda: scene.stage.worker("rogue").restart("a test"))
        scene.stage.ready("rogue", restarts + 1)
        payload = scene.next_order()
        refused(scene, payload, signed(payload), "halted")
    finally:
        scene.stage.call(lambda: halt(False))
    assert isinstance(scene.place(scene.next_order()), ExecutionReport)


PATCHES = {
    "the permit check": "import appliance.plugin_host.gate as m; m.Gate._admit = lambda *_: None",
    "the gate": "import appliance.plugin_host.gate as m\n"
    "async def _(s, permit, payload): return await s._port.place_order(payload)\nm.Gate.perform = _",
    "the digest": "import appliance.plugin_host.gate as m; m.digest = lambda _: '0' * 64; m._canonical = None",
    "the calls": "import appliance.plugin_host.gate as m; m._fits = lambda *_: True; m.CALLS.clear()",
    "the clock": "import appliance.plugin_host.worker.permits as m; m.datetime = None",
    "the server": "import appliance.plugin_host.worker.serving as m\n"
    "m.Server._invoke = lambda s, method, arguments, permit: s._calls[method.name](*arguments)",
    "the amounts": "import appliance.plugin_host.amounts as m; m.checker = lambda _: lambda _: None",
    "the decoders": "import msgspec as m; m.msgpack.Decoder = m.json.Decoder = None; m.json.decode = None",
    "pluggy": "import pluggy as m; m.PluginManager.get_hookcallers = lambda *_: []",
    "isinstance": "import builtins as m; was = m.isinstance\n"
    "m.isinstance = lambda a, b: True if getattr(b, '__name__', '') == 'InvalidSignature' else was(a, b)",
    "cryptography": "import cryptography.exceptions as m; m.InvalidSignature = KeyError",
}
"""Put in place by name, when the plugin is imported."""


@pytest.fixture(scope="module")
def patched() -> Iterator[Mapping[str, Rogue]]:
    """One worker for each patch, whatever has become of it."""
    with new_stage() as stage:
        made = {what: _patched(stage, f"patch{number}", code) for number, (what, code) in enumerate(PATCHES.items())}
        stage.start(QUICK, wait=False)
        yield made


def _patched(stage: Stage, name: str, code: str) -> Rogue:
    files = source_of("rogue", "exchange.py")
    files["__init__.py"] = files["__init__.py"].replace('"rogue"', f'"{name}"') + "\n" + code + "\n"
    stage.install(name, files, [Kind.EXCHANGE], ["token"])
    stage.instance(Kind.EXCHANGE, name, name, {"token": SECRET}, venue="paper")
    return Rogue(stage, name)


@pytest.mark.parametrize("what", PATCHES)
def test_a_plugin_that_patches_what_judges_it_is_judged_all_the_same(patched: Mapping[str, Rogue], what: str) -> None:
    rogue = patched[what]
    rogue.ready()
    forged = rogue.next_order()
    late = rogue.next_order()
    for payload, leave in (
        (forged, OTHER.sign(signed(forged).permit)),
        (late, signed(late, expires_at=datetime.now(UTC) - timedelta(seconds=1))),
    ):
        # What cryptography raises, when its error was renamed, is not the gate's word, and lets nothing through either.
        with pytest.raises(PluginError if what == "cryptography" and payload is forged else PermitRefused):
            rogue.place(payload, leave, timeout_s=5)
        assert not rogue.reached(payload)
    with pytest.raises(OutcomeUnknown, match="place_order gave an amount"):
        rogue.place(rogue.next_order("fills NaN"), timeout_s=5)


@pytest.mark.parametrize("what", PATCHES)
def test_a_patch_changes_nothing_for_a_good_permit_either(patched: Mapping[str, Rogue], what: str) -> None:
    rogue = patched[what]
    rogue.ready()
    assert rogue.health.state is WorkerState.READY
    assert isinstance(rogue.place(rogue.next_order()), ExecutionReport)
