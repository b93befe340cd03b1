"""Workers under test: real processes, scripted by `fake_worker.py`, and bounds short enough to wait for."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.instruments import Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType, Side

from appliance.domain.decision import Action, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest
from appliance.plugin_host.gate import Movable
from appliance.plugin_host.health import Patience
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.launcher import Launcher
from appliance.plugin_host.specs import BuiltIn, Rights, WorkerSpec
from appliance.plugin_host.supervisor import Worker, Workers

FAKE = Path(__file__).parent / "fake_worker.py"
BTC_USDT = Symbol("BTC/USDT")
QUICK = Patience(pause_first=0.001, pause_longest=0.01, settled=60, end=0.2)
"""Bounds that matter in no test but their own stay long."""
BOUND_S = 20.0


def fake(behaviour: str) -> Launcher:
    """Starts the scripted worker instead of the program."""
    return Launcher([sys.executable, str(FAKE), behaviour])


def spec(
    state: Path, *, kind: Kind = Kind.EXCHANGE, name: str = "worker-1", rights: Rights | None = None
) -> WorkerSpec:
    """A worker's, with a state folder that the test reads."""
    return WorkerSpec(
        name=name,
        plugin="scripted",
        kind=kind,
        kinds_granted=(kind,),
        package=BuiltIn(module="tests.none"),
        settings={},
        rights=rights or Rights(),
        state_folder=str(state),
        secrets_folder="/nonexistent",
        cage_required=(),
        venue="paper",
    )


@asynccontextmanager
async def running(
    behaviour: str,
    state: Path,
    *,
    kind: Kind = Kind.EXCHANGE,
    patience: Patience = QUICK,
    specs: Sequence[WorkerSpec] = (),
) -> AsyncIterator[Worker]:
    """One worker (or the first of several) that has begun its first life."""
    workers = Workers(fake(behaviour), None, lambda: datetime.now(UTC), patience)
    chosen = specs or (spec(state, kind=kind),)
    try:
        await workers.start(chosen)
        yield workers[chosen[0].name]
    finally:
        await workers.aclose()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.002)


def notes(state: Path) -> list[str]:
    """What the worker wrote down."""
    path = state / "notes"
    return path.read_text().splitlines() if path.exists() else []


def order(client_order_id: str = "order-1") -> OrderRequest:
    """An order to send."""
    return OrderRequest(
        client_order_id=ClientOrderId(client_order_id),
        venue=VenueId("paper"),
        symbol=BTC_USDT,
        side=Side.BUY,
        quantity=Decimal("0.1"),
        order_type=OrderType.LIMIT,
        price_worst=Decimal(100),
        limit_price=Decimal(100),
    )


def permit(
    payload: Movable, action: Action = Action.PLACE, *, replaces: str | None = None, venue: str = "paper"
) -> SignedPermit:
    """A permit of nobody's: no fake worker looks at the signature."""
    now = datetime.now(UTC)
    return SignedPermit(
        permit=Permit(
            request_id=RequestId(str(payload.client_order_id)),
            action=action,
            venue=VenueId(venue),
            payload_digest=digest(payload),
            issued_at=now,
            expires_at=now + timedelta(minutes=1),
            replaces=ClientOrderId(replaces) if replaces else None,
        ),
        signature=bytes(64),
    )
