"""The exchange plugin as it runs: in a caged worker, behind permits and the egress broker."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.conformance import ExchangeSubject, Kind
from readytrader_sdk.egress import Endpoint
from readytrader_sdk.errors import Misconfigured, Unavailable, Unsupported
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest
from readytrader_sdk.ports import ExchangePort

from appliance.domain.decision import Action, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest
from appliance.plugin_host.entries import Instance
from appliance.plugin_host.gate import PermitRefused
from appliance.plugin_host.remote import RemoteExchange
from appliance.plugin_host.supervisor import Worker
from tests.plugins.ccxt_ground import BTC, KEY, SECRET, local_venue, order
from tests.plugins.test_caged import SIGNER, demand, working

VENUE = VenueId("mine")
OF_OTHERS = {"an_unknown_transfer_is_not_found", "an_unknown_loan_is_not_found", "quotes_are_streamed"}
SWITCH = {"disarming_is_harmless", "a_disarmed_switch_cancels_nothing"}
SECRETS = {"api_key": KEY, "api_secret": SECRET}
READY_S_MAX, READY_MB_MAX = 1.2, 110
MARKETS = 1500
"""As many as the largest exchanges have for spot."""


def instance(wire: str, url: str, *, granted: bool = True) -> Instance:
    host, _, port = url.removeprefix("http://").partition(":")
    settings = {"exchange": wire, "url": url, "rate_limit": "off"} if granted else {"exchange": wire}
    private = (Endpoint(host, int(port)),) if granted else ()
    return Instance(
        kind=Kind.EXCHANGE, name="mine", plugin="ccxt", settings=settings, private_hosts=private, venue=str(VENUE)
    )


def permitted(payload: OrderRequest, action: Action, replaces: ClientOrderId | None = None) -> SignedPermit:
    now = datetime.now(UTC)
    return SIGNER.sign(
        Permit(
            request_id=RequestId(str(payload.client_order_id)),
            action=action,
            venue=VENUE,
            payload_digest=digest(payload),
            issued_at=now,
            expires_at=now + timedelta(minutes=1),
            replaces=replaces,
        )
    )


def permitted_exchange(worker: Worker) -> ExchangePort:
    """The port over a worker with exactly its optional ports, and a permit for everything that is asked."""
    venue = RemoteExchange(worker)

    async def place_order(_: object, order: OrderRequest) -> ExecutionReport:
        try:
            return await venue.perform(permitted(order, Action.PLACE), order)
        except PermitRefused as refused:  # the gate takes an ID once, before the venue is asked
            raise Unsupported("already used") from refused

    async def replace_order(_: object, replaced: ClientOrderId, order: OrderRequest) -> ExecutionReport:
        return await venue.perform(permitted(order, Action.REPLACE, replaced), order)

    moving = {"place_order": place_order, "replace_order": replace_order}
    made: ExchangePort = type("Permitted", (type(venue.reads),), moving)(worker)
    return made


@pytest.mark.parametrize(("wire", "skipped"), [("binance", OF_OTHERS | SWITCH), ("kraken", OF_OTHERS)])
def test_trading_keeps_every_promise(tmp_path: Path, wire: str, skipped: set[str]) -> None:
    async def scene() -> None:
        async with local_venue() as (_, url), working(tmp_path, instance(wire, url), **SECRETS) as worker:
            subject = ExchangeSubject(
                exchange=permitted_exchange(worker), venue=VENUE, symbol=BTC, quantity=Decimal("0.001"),
                price_far=Decimal(60000), price_crossing=Decimal(65100),
            )  # fmt: skip
            await demand(Kind.EXCHANGE, subject, skipped=skipped)

    asyncio.run(scene())


def test_a_worker_offers_exactly_what_its_venues_row_names(tmp_path: Path) -> None:
    offered = {
        "binance": {"replace_order", "cancel_all_orders", "key_rights", "venue_time", "stream_reports"},
        "gate": {"cancel_all_orders", "venue_time", "caveats"},
    }

    async def scene(wire: str) -> None:
        mine = instance(wire, "http://127.0.0.1:1")
        async with working(tmp_path / wire, mine, **SECRETS) as worker:
            assert set(worker.optional_methods) == offered[wire]

    for wire in offered:
        asyncio.run(scene(wire))


def megabytes(worker: Worker) -> float:
    """All that it has in memory, what it shares included (proc(5), smaps_rollup)."""
    found = re.search(r"Rss:\s+(\d+) kB", Path(f"/proc/{worker.health().pid}/smaps_rollup").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


async def seconds_until_ready(worker: Worker) -> float:
    """Started again: a process made and caged, its plugin loaded. The end of the one before is not counted."""
    worker.restart("another is measured")
    for passed in ("ready", "waiting"):
        while worker.state == passed:  # noqa: ASYNC110 - the state changes without an event
            await asyncio.sleep(0.001)
    started = asyncio.get_running_loop().time()
    await worker.up()
    return asyncio.get_running_loop().time() - started


@pytest.mark.parametrize("wire", ["binance", "kraken", "coinbase", "okx", "bybit", "gate"])
def test_a_worker_is_ready_soon_and_small(tmp_path: Path, wire: str) -> None:
    """The best of three starts: the machine may be busy with something else."""

    async def scene() -> None:
        mine = instance(wire, "http://127.0.0.1:1")
        async with working(tmp_path, mine, **SECRETS, password="passphrase") as worker:
            assert min([await seconds_until_ready(worker) for _ in range(3)]) < READY_S_MAX
            assert megabytes(worker) < READY_MB_MAX

    asyncio.run(scene())


@pytest.mark.parametrize("wire", ["binance", "kraken"])
def test_a_worker_stays_small_with_all_markets_of_a_large_exchange(tmp_path: Path, wire: str) -> None:
    async def scene() -> None:
        async with (
            local_venue(others=MARKETS) as (_, url),
            working(tmp_path, instance(wire, url), **SECRETS) as worker,
        ):
            assert len(await RemoteExchange(worker).reads.instruments()) == MARKETS + 1
            assert megabytes(worker) < READY_MB_MAX

    asyncio.run(scene())


def test_a_host_that_was_not_granted_is_named(tmp_path: Path) -> None:
    async def scene() -> None:
        mine = instance("kraken", "", granted=False)
        async with working(tmp_path, mine, **SECRETS) as worker:
            with pytest.raises(Unavailable, match=r"api\.kraken\.com:443: this host was not granted"):
                await RemoteExchange(worker).reads.instruments()
            with pytest.raises(Unavailable, match=r"api\.kraken\.com:443"):
                await permitted_exchange(worker).place_order(order())

    asyncio.run(scene())


def test_a_secret_that_only_some_exchanges_need_may_be_missing_and_is_given_where_it_is_there(tmp_path: Path) -> None:
    async def scene(folder: Path, **more: str) -> None:
        async with working(folder, instance("okx", "http://127.0.0.1:1"), **SECRETS, **more):
            pass

    asyncio.run(scene(tmp_path / "there", password="passphrase"))
    with pytest.raises(Misconfigured, match="secret password: this exchange needs one"):
        asyncio.run(scene(tmp_path / "missing"))
