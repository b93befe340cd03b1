"""The judge of simulations finds what it is there to find: a true life passes, and each lie about it does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from readytrader_sdk.instruments import Asset
from readytrader_sdk.orders import OrderType, Side

from appliance.local_exchange.values import Request
from appliance.service.outcomes import Placed
from tests.live.checker import Violation, check, lines_of
from tests.live.direct_host import DirectLane
from tests.live.life import ACCOUNT, open_exchange
from tests.live.rig import BTC, LiveRig, order

Lines = list[dict[str, Any]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A life with a filled order, a cancelled one and one that rests; its journal and the venue's ledger."""
    root = tmp_path_factory.mktemp("life")
    rigs: list[LiveRig] = []

    async def life() -> None:
        exchange, account = open_exchange(root)
        rig = LiveRig(root, exchange, account, DirectLane(exchange, account))
        await rig.begin()
        rigs.append(rig)
        for number, limit in enumerate((None, Decimal(49000), Decimal(49100))):
            outcome = await rig.core.desk.submit(rig.agent, order(Side.BUY, "0.01", limit), key=str(number))
            assert isinstance(outcome, Placed), outcome
            if number == 1:
                await rig.core.orders.cancel(outcome.order.client_order_id, None, "agent")
        await rig.come_to_rest()
        await rig.end()
        exchange.close()

    asyncio.run(life())
    return rigs[0].home.journal, root / "ledger.jsonl"


def of_kind(lines: Lines, kind: str, number: int = 0) -> dict[str, Any]:
    return [line for line in lines if line["kind"] == kind][number]


def taken_twice(lines: Lines) -> None:
    again = {**of_kind(lines, "accepted"), "order_id": 999}
    lines.append(again)


def never_permitted(lines: Lines) -> None:
    lines.append({**of_kind(lines, "accepted"), "order_id": 999, "client_order_id": "rt" + "0" * 24})


def never_taken(lines: Lines) -> None:
    lines.remove(of_kind(lines, "accepted", 2))


def another_fill(lines: Lines) -> None:
    lines.append({**of_kind(lines, "fill"), "trade_id": 999, "quantity": "0.00001"})


def another_price(lines: Lines) -> None:
    of_kind(lines, "fill")["price"] = "50004"


def another_fee(lines: Lines) -> None:
    of_kind(lines, "fill")["fee"] = "0"


def never_cancelled(lines: Lines) -> None:
    lines.remove(of_kind(lines, "cancelled"))


def a_strangers_order(lines: Lines) -> None:
    lines.append({**of_kind(lines, "accepted"), "order_id": 999, "client_order_id": "web_1"})


def more_money(lines: Lines) -> None:
    lines.append({**of_kind(lines, "deposit"), "amount": "1"})


def test_a_true_life_passes(lived: tuple[Path, Path]) -> None:
    journal = check(*lived, ACCOUNT)
    assert sorted(one.state for one in journal.orders.values()) == ["cancelled", "filled", "open"]


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (taken_twice, "took it twice"),
        (never_permitted, "lost"),
        (never_taken, "never took it"),
        (another_fill, "fills"),
        (another_price, "fills"),
        (another_fee, "fills"),
        (never_cancelled, "cancelled in the journal, open at the venue"),
        (a_strangers_order, "of nobody here"),
        (more_money, "the journal says"),
    ],
)
def test_each_difference_is_found(
    tmp_path: Path, lived: tuple[Path, Path], lie: Callable[[Lines], None], found: str
) -> None:
    journal, ledger = lived
    lines = lines_of(ledger)
    lie(lines)
    told = tmp_path / "ledger.jsonl"
    told.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(Violation, match=found):
        check(journal, told, ACCOUNT)


def test_a_strangers_order_and_money_from_nowhere_are_written_down_by_the_core(tmp_path: Path) -> None:
    async def life() -> None:
        exchange, account = open_exchange(tmp_path)
        rig = LiveRig(tmp_path, exchange, account, DirectLane(exchange, account))
        await rig.begin()
        rests = Request(
            symbol=BTC, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal("0.01"), limit_price=Decimal(30000)
        )
        exchange.place(account, rests)
        exchange.deposit(account, {Asset("USDT"): Decimal(5)})
        await rig.look(5)
        await rig.come_to_rest()
        await rig.end()
        exchange.close()
        seen = check(rig.home.journal, tmp_path / "ledger.jsonl", ACCOUNT).seen
        assert (seen["foreign_order.found"], seen["drift.found"]) == (1, 1)

    asyncio.run(life())
