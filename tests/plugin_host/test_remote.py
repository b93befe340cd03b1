"""The ports as the core sees them: what each call is on the wire, and that nothing moves value but `perform`."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.errors import Misconfigured, Unsupported
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.orders import ClientOrderId
from readytrader_sdk.ports import (
    AmendPort,
    CancelAllAfterPort,
    ExchangePort,
    LendingAction,
    LendingPort,
    LendingRequest,
    QuoteStreamPort,
    TransferPort,
    TransferRequest,
)

from appliance.domain.decision import Action
from appliance.plugin_host.gate import PermitRefused
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.remote import RemoteExchange, RemoteSource
from tests.plugin_host.rig import BTC_USDT, notes, order, permit, running, spec

OPTIONAL = (AmendPort, TransferPort, LendingPort, CancelAllAfterPort, QuoteStreamPort)
TRANSFER = TransferRequest(
    client_order_id=ClientOrderId("transfer-1"),
    chain="ethereum",
    asset=Asset("ETH"),
    amount=Decimal(1),
    to_address="0x1",
)
LENDING = LendingRequest(
    client_order_id=ClientOrderId("lend-1"),
    venue=VenueId("paper"),
    action=LendingAction.SUPPLY,
    asset=Asset("ETH"),
    amount=Decimal(1),
)


def test_reads_have_exactly_the_ports_that_the_worker_has(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("all_optional", tmp_path) as worker:
            venue = RemoteExchange(worker)
            assert not any(isinstance(venue.reads, port) for port in OPTIONAL)
            await worker.up()
            assert isinstance(venue.reads, ExchangePort)
            assert all(isinstance(venue.reads, port) for port in OPTIONAL)
        async with running("honest", tmp_path, specs=[spec(tmp_path, name="plain")]) as worker:
            await worker.up()
            assert not any(isinstance(RemoteExchange(worker).reads, port) for port in OPTIONAL)

    asyncio.run(scene())


def test_every_permitted_call_goes_by_the_name_that_the_gate_knows(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("all_optional", tmp_path) as worker:
            await worker.up()
            venue = RemoteExchange(worker)
            await venue.perform(permit(order()), order())
            await venue.perform(permit(order("order-2"), Action.REPLACE, replaces="order-1"), order("order-2"))
            await venue.perform(permit(TRANSFER, Action.TRANSFER), TRANSFER)

    asyncio.run(scene())
    assert [line.split()[0] for line in notes(tmp_path)] == ["place_order", "replace_order", "transfer"]
    assert all(line.endswith(" permit") for line in notes(tmp_path))
    replaced, payload = json.loads(notes(tmp_path)[1].removeprefix("replace_order ").removesuffix(" permit"))
    assert (replaced, payload["client_order_id"]) == ("order-1", "order-2")


def test_reads_refuse_what_moves_value_and_send_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("all_optional", tmp_path) as worker:
            await worker.up()
            reads = RemoteExchange(worker).reads
            assert isinstance(reads, AmendPort)
            with pytest.raises(PermitRefused, match="order-1"):
                await reads.replace_order(ClientOrderId("order-0"), order())
            assert isinstance(reads, TransferPort)
            with pytest.raises(PermitRefused, match="transfer-1"):
                await reads.transfer(TRANSFER)
            assert isinstance(reads, LendingPort)
            with pytest.raises(PermitRefused, match="lend-1"):
                await reads.lend(LENDING)
            assert isinstance(reads, ExchangePort)
            with pytest.raises(PermitRefused, match="order-1"):
                await reads.place_order(order())

    asyncio.run(scene())
    assert notes(tmp_path) == []


def test_optional_reads_go_over_the_wire_without_a_permit(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("all_optional", tmp_path) as worker:
            await worker.up()
            reads = RemoteExchange(worker).reads
            assert isinstance(reads, CancelAllAfterPort)
            await reads.cancel_all_after(30)
            assert isinstance(reads, TransferPort)
            await reads.find_transfer(ClientOrderId("transfer-1"))

    asyncio.run(scene())
    assert notes(tmp_path) == ["cancel_all_after [30] no permit", 'find_transfer ["transfer-1"] no permit']


def test_an_amendment_that_the_venue_has_not_is_unsupported_and_not_sent(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            with pytest.raises(Unsupported):
                await RemoteExchange(worker).perform(permit(order(), Action.REPLACE, replaces="order-0"), order())

    asyncio.run(scene())
    assert notes(tmp_path) == []


def test_a_source_waits_for_its_worker_and_tells_one_that_never_will_be(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("streams_and_ends", tmp_path, kind=Kind.DATA_SOURCE) as worker:
            assert [len(batch) async for batch in RemoteSource(worker).batches()] == [2, 1]
        async with running("refuses", tmp_path, kind=Kind.DATA_SOURCE) as worker:
            with pytest.raises(Misconfigured, match="no `url`"):
                await anext(RemoteSource(worker).batches())

    asyncio.run(scene())


def test_reads_answer_with_the_port_s_own_types(tmp_path: Path) -> None:
    async def scene() -> None:
        async with running("honest", tmp_path) as worker:
            await worker.up()
            reads = RemoteExchange(worker).reads
            assert await reads.instruments() == ()
            assert await reads.open_orders() == ()
            assert await reads.balances() == ()
            found = await reads.find_order(ClientOrderId("order-1"), BTC_USDT)
            assert found is not None
            assert found.client_order_id == "order-1"
            assert (await reads.cancel_order(ClientOrderId("order-1"), BTC_USDT)).state == "open"

    asyncio.run(scene())
