"""The plugin keeps what every router keeps, for a token and for the native coin. Nothing is signed or sent."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from readytrader_sdk.conformance import Kind, RouterSubject, run
from readytrader_sdk.hooks import PluginContext
from readytrader_sdk.instruments import Asset
from readytrader_sdk.ports import NATIVE_TOKEN, SwapRequest

from acme_plugin import AcmeRouter

USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"


def request(from_token: str, from_decimals: int, amount: str, to_token: str, to_decimals: int) -> SwapRequest:
    return SwapRequest(
        chain="ethereum",
        chain_id=1,
        from_asset=Asset("USDC" if from_token == USDC else "ETH"),
        from_token=from_token,
        from_decimals=from_decimals,
        to_asset=Asset("USDC" if to_token == USDC else "WETH"),
        to_token=to_token,
        to_decimals=to_decimals,
        amount=Decimal(amount),
        amount_out_min=Decimal("0.4"),
        owner="0x00000000219ab540356cBB839Cbe05303d7705Fa",
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )


def check(tmp_path: Path, swap: SwapRequest) -> None:
    context = PluginContext(
        name="acme-plugin", settings={}, secrets={}, logger=logging.getLogger("acme-plugin"), state_folder=tmp_path
    )
    subject = RouterSubject(router=AcmeRouter(context), request=swap)
    asyncio.run(run(Kind.ROUTER, subject)).demand()


def test_it_keeps_what_every_router_keeps_for_a_token(tmp_path: Path) -> None:
    check(tmp_path, request(USDC, 6, "1000", WETH, 18))


def test_it_keeps_what_every_router_keeps_for_the_native_coin(tmp_path: Path) -> None:
    check(tmp_path, request(NATIVE_TOKEN, 18, "0.5", USDC, 6))
