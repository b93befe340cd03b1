"""One order through everything, with real processes: the thirteen steps of a trade that a person has to approve.

agent ─► MCP ─► rate ─► risk ─► policy ─► proposal ─► notice ─► "held" ─► operator ─► again ─► ccxt ─► journal ─► agent
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import standardwebhooks
from readytrader_sdk.market import Quote

from appliance.local_exchange.model import LocalExchange
from tests.cli.agents import Agent, codes
from tests.cli.appliances import Appliance, new_appliance
from tests.live.caged import Served, served
from tests.live.checker import check, entries_of, lines_of
from tests.live.rig import BTC, FUNDS, INSTRUMENT, KEY, SECRET
from tests.plugins.serving import Receiver, receiving

ACCOUNT = "rig"
SIGNING_KEY = "whsec_" + base64.b64encode(bytes(range(24))).decode()
ORDERS_PER_MIN = 4
WAIT_S = 30.0
TICK_S = 0.2
CONFIGURATION = """\
paper_mode = false
live_trading_enabled = true
[approval]
mode = "approve_each"
[allow]
exchanges = ["binance"]
symbols = ["BTC/USDT"]
market_types = ["spot"]
tokens = ["BTC", "USDT"]
chains = []
[limits]
notional_order_max = 100000
notional_cex_order_max = 100000
position_max_pct = 60
exposure_max_pct = 60
[rate_limits]
execution_per_min = {per_minute}
[[source]]
name = "stream"
plugin = "ccxt_feed"
priority = 0
settings = {{exchange = "binance", symbols = "BTC/USDT", feed = "stream", url = "{url}"}}
private_hosts = ["{host}"]
[[exchange]]
name = "binance"
plugin = "ccxt"
live = true
settings = {{exchange = "binance", url = "{url}"}}
private_hosts = ["{host}"]
[[notifier]]
name = "pager"
plugin = "webhook"
settings = {{url = "http://127.0.0.1:{pager}/"}}
private_hosts = ["127.0.0.1:{pager}"]
[agent]
http_port = 0
[operator_http]
port = 0
"""


@contextmanager
def venue_at(ledger: Path) -> Iterator[Served]:
    """The exchange, whose market is shown again and again: a stream tells changes alone."""

    def make() -> LocalExchange:
        exchange = LocalExchange([INSTRUMENT], lambda: datetime.now(UTC), ledger_path=ledger)
        exchange.register_key(KEY, SECRET, balances=FUNDS, account=ACCOUNT)
        return exchange

    with served(make) as venue:
        venue.every(TICK_S, lambda turn: venue.exchange.show(quote(Decimal(50000) + turn % 2)))
        yield venue


def quote(price: Decimal) -> Quote:
    return Quote(
        symbol=BTC,
        bid=price - 5,
        ask=price + 5,
        bid_size=Decimal(2),
        ask_size=Decimal(2),
        observed_at=datetime.now(UTC),
    )


@contextmanager
def appliance_at(venue: Served, receiver: Receiver) -> Iterator[Appliance]:
    """A daemon set up as the operator of a live venue would, fit for orders."""
    with new_appliance() as appliance:
        host = urlsplit(venue.url).netloc
        text = CONFIGURATION.format(url=venue.url, host=host, pager=receiver.port, per_minute=ORDERS_PER_MIN)
        (appliance.home / "readytrader.toml").write_text(text)
        for instance, name, secret in (
            ("binance", "api_key", KEY), ("binance", "api_secret", SECRET), ("pager", "signing_key", SIGNING_KEY),
        ):  # fmt: skip
            file = appliance.folder / name
            file.write_text(secret)
            appliance.done("plugin", "secret", instance, name, "--from-file", str(file))
        appliance.serve()
        until(lambda: fit(appliance))
        yield appliance


def fit(appliance: Appliance) -> bool:
    venues = appliance.json("venue", "list")["venues"]
    return bool(venues) and venues[0].get("problem") is None


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other processes do."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def notices(receiver: Receiver, word: str) -> list[str]:
    """What the operator was told with this word in it; each is signed."""
    told = []
    for posted in list(receiver.posted):
        standardwebhooks.Webhook(SIGNING_KEY).verify(posted.body, dict(posted.headers))
        text = posted.body.decode()
        if word in text:
            told.append(text)
    return told


def accepted(ledger: Path) -> list[str]:
    """Client order IDs in the order in which the venue took them."""
    return [line["client_order_id"] for line in lines_of(ledger) if line["kind"] == "accepted"]


def ask(agent: Agent, **more: object) -> dict[str, object]:
    return agent.call("place_cex_order", **({"symbol": "BTC/USDT", "side": "buy", "amount": "0.01"} | more))


@pytest.mark.slow
def test_a_trade_goes_through_all_thirteen_steps_and_is_the_same_everywhere(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with venue_at(ledger) as venue, receiving() as receiver, appliance_at(venue, receiver) as appliance:
        token = appliance.add_agent("trader", "--scope", "read", "--scope", "live")
        agent = appliance.mcp(token).agent
        agent.market()

        # 4, 5: what risk or policy refuses is nobody's to approve, and nothing of it leaves.
        assert {"NOTIONAL_ABOVE_MAX", "POSITION_ABOVE_MAX"} <= codes(ask(agent, amount="30"))
        assert "SYMBOL_NOT_ALLOWED" in codes(ask(agent, symbol="ETH/USDT"))

        # 1, 2, 6, 8: the agent asks over MCP; a proposal is made, and the agent is told that it waits.
        held = ask(agent, idempotency_key="the-trade")
        assert (held["ok"], held["status"]) == (False, "held"), held
        request_id = str(held["proposal"]["request_id"])  # type: ignore[index]
        assert accepted(ledger) == []

        # 7: the operator is told, by a signed post that holds no token.
        until(lambda: bool(notices(receiver, request_id)))
        assert "confirm" not in notices(receiver, request_id)[0].lower()

        # 3: the rate limiter counted every request, the refused ones too; the same one again finds its answer.
        again = ask(agent, idempotency_key="the-trade")
        assert again["proposal"]["request_id"] == request_id  # type: ignore[index]
        assert "RATE_LIMITED" in codes(ask(agent, amount="0.011"))

        # 9, 10: the operator looks, and says yes once; the pipeline has run again before anything is sent.
        assert "buy 0.01 BTC of BTC/USDT at binance" in appliance.done("approvals", "show", request_id)
        said = appliance.done("approvals", "approve", request_id, "--yes")
        assert f"order {request_id} is" in said
        twice = appliance.run("approvals", "approve", request_id, "--yes")
        assert (twice.returncode, "APPROVAL_MISMATCH" in twice.stderr) == (1, True)

        # 11: ccxt sent it to the venue, once, under the request's own ID.
        assert accepted(ledger) == [request_id]

        # 13: the agent is told.
        order = agent.done("wait_for_cex_order", order_id=request_id, timeout_sec=20)["order"]
        assert (order["state"], order["filled"]) == ("filled", "0.01 BTC")
        assert "confirm_token" not in agent.transcript.decode()

        # 12: the journal tells it in this order, proves itself, and agrees with the venue's own ledger.
        assert "signature good" in appliance.done("audit", "verify")
        kinds = [kind for kind, body in entries_of(appliance.journal) if request_id in json.dumps(body)]
        wanted = ["proposal.made", "proposal.decided", "order.permitted", "order.reported"]
        assert [kind for kind in dict.fromkeys(kinds) if kind in wanted] == wanted
        check(appliance.journal, ledger, ACCOUNT)
