"""Idempotency keys: one key is one request, however often, however concurrently, whatever happened between."""

from __future__ import annotations

import asyncio
from pathlib import Path

from readytrader_sdk.orders import ClientOrderId

from appliance.domain.codes import Code
from appliance.domain.state import KeyBinding
from appliance.service.outcomes import Held, Placed
from appliance.store.reader import JournalReader
from tests.service.ports import Watched
from tests.service.rig import ROOMY, Rig, buy, codes, open_rig, order_id, play

EACH = ROOMY + '[approval]\nmode = "approve_each"\n'


def sent_by(rig: Rig) -> list[ClientOrderId]:
    assert isinstance(rig.port, Watched)
    return rig.port.sent


def test_eight_concurrent_calls_with_one_key_make_one_order(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        outcomes = await asyncio.gather(*(rig.submit(buy("0.01"), key="k") for _ in range(8)))
        assert {order_id(outcome) for outcome in outcomes} == set(sent_by(rig))
        assert len(sent_by(rig)) == 1
        assert all(isinstance(outcome, Placed) and not outcome.order.is_live for outcome in outcomes)
        assert sorted(outcome.replayed for outcome in outcomes if isinstance(outcome, Placed)) == [False] + [True] * 7

    play(tmp_path, scenario, wrap=Watched)


def test_eight_concurrent_calls_with_one_key_make_one_proposal(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        outcomes = await asyncio.gather(*(rig.submit(buy("0.01"), key="k") for _ in range(8)))
        assert all(isinstance(outcome, Held) for outcome in outcomes)
        assert len(rig.core.approvals.pending()) == 1

    play(tmp_path, scenario, EACH)


def test_a_key_used_for_another_request_is_refused(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.place(buy("0.01"), key="k")
        assert codes(await rig.submit(buy("0.02"), key="k")) == {Code.IDEMPOTENCY_CONFLICT}
        assert len(sent_by(rig)) == 1
        assert rig.kinds()[-1] == "request.denied"

    play(tmp_path, scenario, wrap=Watched)


def test_each_agent_has_keys_of_its_own(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        other = await rig.agent("other")
        mine = await rig.place(buy("0.01"), key="k")
        theirs = await rig.place(buy("0.02"), key="k", principal=other)
        assert order_id(mine) != order_id(theirs)
        assert not theirs.replayed

    play(tmp_path, scenario)


def test_a_key_survives_a_restart(tmp_path: Path) -> None:
    async def lives() -> None:
        async with open_rig(tmp_path, wrap=Watched) as rig:
            rig.quote()
            await rig.fund()
            first = await rig.place(buy("0.01"), key="k")
        async with open_rig(tmp_path, wrap=Watched) as rig:
            rig.quote()
            again = await rig.place(buy("0.01"), key="k")
            assert (order_id(again), again.replayed) == (order_id(first), True)
            assert codes(await rig.submit(buy("0.02"), key="k")) == {Code.IDEMPOTENCY_CONFLICT}
            assert sent_by(rig) == []

    asyncio.run(lives())


def test_a_key_is_bound_on_disk_before_the_order_is_sent(tmp_path: Path) -> None:
    bound: list[KeyBinding | object] = []

    async def scenario(rig: Rig) -> None:
        def look(client_order_id: ClientOrderId) -> None:
            reader = JournalReader.open_read_only(rig.home.journal)
            bound.extend(record.id for record in reader.load("key", live_only=False))
            reader.close()

        assert isinstance(rig.port, Watched)
        rig.port.on_send = look
        await rig.place(buy("0.01"), key="k")

    play(tmp_path, scenario, wrap=Watched)
    assert len(bound) == 1


def test_a_key_whose_request_was_denied_is_free_again(tmp_path: Path) -> None:
    """A denial had no effect: the same key may be used once what was wrong has been put right."""

    async def scenario(rig: Rig) -> None:
        assert Code.BALANCE_INSUFFICIENT in codes(await rig.submit(buy("1"), key="k"))
        await rig.fund("100000")
        assert not (await rig.place(buy("1"), key="k")).replayed

    play(tmp_path, scenario, funds="10")
