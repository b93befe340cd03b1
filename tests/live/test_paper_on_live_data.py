"""Paper trading on a live market: the same line and the same streamed prices, and the exchange is sent nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.standing import live_appliance, live_configuration, moving, standing, until

WIRE = "kraken"


@pytest.mark.slow
def test_a_paper_order_fills_at_the_streamed_price_and_a_resting_one_when_the_live_market_comes_to_it(
    tmp_path: Path,
) -> None:
    with standing(tmp_path) as exchange, moving(exchange) as market:
        configuration = live_configuration({WIRE: exchange}).replace("paper_mode = false", "paper_mode = true")
        with live_appliance(configuration, [WIRE]) as appliance:
            appliance.serve()
            agent = appliance.mcp(appliance.add_agent("trader", "--scope", "read", "--scope", "paper")).agent
            assert agent.market()["source"] == f"{WIRE}_prices"
            agent.fund("10000")

            bought = agent.order("buy", "0.01", exchange=WIRE)
            assert (bought["state"], bought["average_price"]) == ("filled", "60001 USDT")

            resting = agent.order("buy", "0.01", exchange=WIRE, order_type="limit", price="59500")["order_id"]
            assert agent.done("get_cex_order", order_id=resting)["order"]["state"] == "open"
            market.move("59490", "59495", "50")
            until(lambda: agent.done("get_cex_order", order_id=resting)["order"]["state"] == "filled")

            kinds = [line["kind"] for line in exchange.lines("accepted", "rejected", "fill")]
            assert kinds == []
            assert "signature good" in appliance.done("audit", "verify")
