"""A transfer on paper takes the same way as an order: permit, gate, report, and nothing left in doubt after a crash."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.errors import OutcomeUnknown
from readytrader_sdk.instruments import Asset, Symbol
from readytrader_sdk.orders import ExecutionReport, OrderState
from readytrader_sdk.ports import TransferRequest

from appliance.domain.codes import Code
from appliance.domain.intents import Chain, TransferIntent
from appliance.domain.trading_state import TradingState
from tests.service.ports import Watched
from tests.service.rig import ROOMY, Rig, codes, open_rig, order_id

ADDRESS = "0x" + "ab" * 20
TOML = ROOMY.replace("[limits]", "[limits]\ntransfer_native_max = 2") + f'[allow]\nto_addresses = ["{ADDRESS}"]\n'


def transfer(amount: str, to_address: str = ADDRESS) -> TransferIntent:
    return TransferIntent(chain=Chain("ethereum"), asset=Asset("ETH"), amount=Decimal(amount), to_address=to_address)


async def fund_ether(rig: Rig) -> None:
    rig.quote("3000", "3001", symbol=Symbol("ETH/USDT"))
    await rig.fund("5", "ETH")


def test_a_transfer_leaves_the_wallet_once_and_is_no_loss(tmp_path: Path) -> None:
    async def life() -> None:
        async with open_rig(tmp_path, TOML, wrap=Watched) as rig:
            await fund_ether(rig)
            placed = await rig.place(transfer("2"))
            assert placed.order.state is OrderState.FILLED
            assert rig.held("ETH") == 3 == await rig.venue_total("ETH")
            assert rig.state() is TradingState.ACTIVE
            equity = rig.core.portfolio.equity(rig.clock.now).total
            assert rig.core.portfolio.nav(equity) == 1
            assert Code.TRANSFER_ABOVE_MAX in codes(await rig.submit(transfer("2.01")))
            assert Code.DESTINATION_NOT_ALLOWED in codes(await rig.submit(transfer("1", "0x" + "cd" * 20)))

    asyncio.run(life())


def test_a_transfer_in_doubt_is_asked_for_and_settled_at_the_next_start(tmp_path: Path) -> None:
    class Losing(Watched):
        async def transfer(self, request: TransferRequest) -> ExecutionReport:
            await super().transfer(request)
            raise OutcomeUnknown("lost")

    async def lives() -> None:
        async with open_rig(tmp_path, TOML, wrap=Losing) as rig:
            await fund_ether(rig)
            placed = await rig.place(transfer("2"))
            assert placed.order.state is OrderState.UNKNOWN
            assert placed.order.reserved.value == 2
        async with open_rig(tmp_path, TOML) as rig:
            assert rig.core.state.orders[order_id(placed)].state is OrderState.ABSENT
            assert rig.core.state.live_orders == {}
            assert rig.held("ETH") == 5 == await rig.venue_total("ETH")

    asyncio.run(lives())
