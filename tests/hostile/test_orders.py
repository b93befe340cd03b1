"""A hostile exchange under a whole core: the order's outcome stays unknown, the journal stays whole and says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderState

from appliance.domain.decision import Payload, SignedPermit
from appliance.domain.events import OrderReported, ReportSource
from appliance.plugin_host.remote import RemoteExchange
from tests.hostile.stage import SIGNER
from tests.hostile.test_leaks import forms_in
from tests.hostile.trading import Rogue, rogue
from tests.service.rig import VENUE, ManualClock, Rig, buy, order_id, play


class Across:
    """The hostile exchange as the core's venue, from the core's loop to the stage's, under the stage's key."""

    def __init__(self, rogue: Rogue) -> None:
        self._rogue = rogue
        self._venue = RemoteExchange(rogue.stage.worker("rogue"))

    @property
    def reads(self) -> Across:
        return self

    @property
    def is_ours(self) -> bool:
        return False

    async def perform(self, signed: SignedPermit, payload: Payload) -> ExecutionReport:
        return await self._there(self._venue.perform(SIGNER.sign(signed.permit), payload))

    async def find_order(self, client_order_id: ClientOrderId, symbol: Symbol) -> ExecutionReport | None:
        return await self._there(self._venue.reads.find_order(client_order_id, symbol))

    async def _there(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.wrap_future(self._rogue.stage.begin(work))


@pytest.mark.parametrize(
    "behaviour",
    [
        "another",
        "nothing",
        "fills NaN",
        "fills 1E+999999",
        'forges "NaN"',
        'forges "Infinity"',
        "dies",
        "raises",
        "garbage",
    ],
)
def test_what_cannot_be_believed_leaves_the_order_unknown_and_its_reservation_standing(
    tmp_path: Path, behaviour: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario(rig: Rig) -> None:
        venue = Across(scene)
        rig.core.orders._venues._paper = venue  # type: ignore[assignment] # the reads that are asked for here
        rig.clock.now = datetime.now(UTC)
        rig.quote()
        placed = await rig.place(buy("0.01"))
        assert placed.order.state is OrderState.UNKNOWN
        assert placed.order.reserved.value > 0
        assert scene.reached_as(order_id(placed))
        assert rig.held("BTC") == 0
        told = [event for _, event in rig.entries() if isinstance(event, OrderReported)]
        assert [(event.source, event.report.state) for event in told][:1] == [(ReportSource.CORE, OrderState.UNKNOWN)]

    with rogue(venue=str(VENUE), settings={"behaviour": behaviour}) as scene:
        play(tmp_path, scenario, clock=ManualClock(datetime.now(UTC)))
        assert scene.are_others_well()
    assert forms_in(caplog.text) == []
    home = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in home if forms_in(path.read_bytes().decode("latin-1"))] == []
