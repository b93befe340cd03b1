"""Promise 1: whatever an agent or an operator can call, nothing reaches the venue but by a permit that is on disk."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk import ports
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.agents import AgentScope
from appliance.domain.decision import Action
from appliance.domain.operators import Role
from appliance.domain.trading_state import GLOBAL
from appliance.plugin_host.gate import CALLS
from appliance.plugin_host.kinds import METHODS
from appliance.service.agents import LOCAL
from appliance.store.checkpoint import parse_unverified
from appliance.store.reader import JournalReader
from appliance.transport import account_wire, operator_http
from appliance.transport import operator_wire as wire
from appliance.transport.door import Door
from appliance.transport.http import http_app, principal_of
from appliance.transport.insight_tools import INSIGHT_CATALOG
from appliance.transport.mcp_server import build_server
from appliance.transport.operator_socket import OperatorSocket
from appliance.transport.tools import CATALOG, call_tool
from tests.service.ports import Watched
from tests.service.rig import ROOMY, Rig, buy, order_id, play

ADDRESS = "0x" + "ab" * 20
QUOTE = {"symbol": "BTC/USDT", "bid": "50000", "ask": "50001", "timestamp_ms": 1_767_225_600_000}
CANDLE = {"timestamp_ms": 1_767_225_600_000, "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"}

MOVES_VALUE = {
    "lend",
    "place_order",
    "replace_order",
    "sign_transaction",
    "sign_typed_data",
    "submit_order",
    "transfer",
}
"""The ports' methods that move value; `tests/house` proves that the gate alone calls them."""
ONLY_READS_OR_LOWERS = {
    "address",
    "balances",
    "cancel_all_orders",
    "cancel_all_after",
    "cancel_order",
    "cancel_submission",
    "caveats",
    "find_lending",
    "find_order",
    "find_submission",
    "find_transfer",
    "instruments",
    "key_rights",
    "notify",
    "open_orders",
    "prepare",
    "prepare_cancellation",
    "quote",
    "stream",
    "stream_quotes",
    "stream_reports",
    "venue_time",
    "verify",
}


def calls(order: str, proposal: str) -> dict[str, dict[str, object]]:
    """A call of every tool that a well-meaning agent could make."""
    trade = {"symbol": "BTC/USDT", "side": "buy"}
    return {
        "get_crypto_price": {"symbol": "BTC/USDT"},
        "get_ticker": {"symbol": "BTC/USDT"},
        "get_multiple_prices": {"symbols": ["BTC/USDT"]},
        "fetch_ohlcv": {"symbol": "BTC/USDT"},
        "ingest_ticker": QUOTE,
        "ingest_ohlcv": {"symbol": "BTC/USDT", "timeframe": "1m", "candles": [CANDLE]},
        "get_marketdata_status": {},
        "deposit_paper_funds": {"asset": "USDT", "amount": "10"},
        "validate_trade_risk": {**trade, "amount": "0.01"},
        "place_cex_order": {**trade, "amount": "0.01"},
        "replace_cex_order": {"order_id": order, "amount": "0.02"},
        "swap_tokens": {"from_token": "USDT", "to_token": "BTC", "amount": "500"},
        "transfer_eth": {"to_address": ADDRESS, "amount": "0.1"},
        "cancel_cex_order": {"order_id": order},
        "cancel_all_cex_orders": {},
        "get_cex_order": {"order_id": order},
        "wait_for_cex_order": {"order_id": order, "timeout_sec": 0},
        "list_cex_open_orders": {},
        "list_cex_orders": {},
        "get_cex_balance": {},
        "get_proposal": {"request_id": proposal},
        "list_pending_executions": {},
        "cancel_execution": {"request_id": proposal},
        "get_policy": {},
        "get_health": {},
    }


def asked_of(name: str) -> dict[str, object]:
    return {"symbol": "BTC/USDT"} if name == "get_latest_insights" else {}


def verbs(order: str, proposal: str, token: str) -> list[wire.AnyVerb]:
    """Every verb of the operator's socket."""
    return [
        wire.ShowStatus(),
        wire.ListApprovals(),
        wire.ShowApproval(request_id=proposal),
        wire.Approve(request_id=proposal, confirm_token=token),
        wire.RefuseApproval(request_id=proposal, reason="no"),
        wire.ListDecided(),
        wire.ListLimits(),
        wire.ShowUsage(),
        wire.TightenLimit(name="limits.open_orders_max", value="9", reason="test"),
        wire.LoosenLimit(name="limits.open_orders_max", value="900", reason="test"),
        wire.ConfirmLoosening(change_id="lc0"),
        wire.WithdrawChange(change_id="lc0"),
        wire.AddAgent(name="bob", scopes=frozenset({AgentScope.READ}), days=1),
        wire.ListAgents(),
        wire.RevokeAgent(name="bob"),
        wire.ListOrders(),
        wire.ResolveOrder(order_id=order, state=wire.Resolution.ABSENT, reason="test"),
        wire.ListVenues(),
        wire.ListSettings(),
        account_wire.AddOperator(username="carol", role=Role.VIEWER, password="correct horse battery"),
        account_wire.ListOperators(),
        account_wire.SetOperatorRole(username="carol", role=Role.OPERATOR),
        account_wire.SetOperatorPassword(username="carol", password="another horse battery"),
        account_wire.BindOperator(username="carol", uid=12345),
        account_wire.BeginCodes(username="carol"),
        account_wire.ConfirmCodes(username="carol", code="000000"),
        account_wire.ChangeOperator(username="carol", change=account_wire.OperatorDeed.DISABLE),
        wire.AcceptDrift(venue="binance", reason="test"),
        wire.RestrictTrading(scope=GLOBAL, state=wire.Restriction.REDUCE_ONLY, reason="test"),
        wire.ShowPortfolio(),
        wire.ShowMetrics(),
        wire.ExposeMetrics(),
        wire.ListNotices(),
        wire.TryNotifier(name="phone"),
        wire.ResendNotice(notice_id="none"),
        wire.DismissNotice(notice_id="none"),
        wire.CancelOrder(order_id=order),
        wire.CancelAllOrders(),
        wire.ListTrades(),
        wire.ShowEquity(),
        wire.SearchJournal(text="order"),
        wire.ShowEntry(seq=0),
        wire.ShowCheckpoint(),
        wire.ListInsights(),
        wire.PostInsight(symbol="BTC/USDT", signal="up", confidence="1"),
        wire.ListStrategies(),
        wire.SetStrategy(name="all-in", text="buy everything"),
        wire.WithdrawStrategy(name="all-in"),
        wire.HaltTrading(reason="test"),
        wire.ResumeTrading(reason="test"),
    ]


def permits_on_disk(rig: Rig) -> set[str]:
    """Orders whose permit is in the file, and which the core has been told are there: a commit under way is neither."""
    told = parse_unverified(rig.core.journal.checkpoint).size
    reader = JournalReader.open_read_only(rig.home.journal)
    try:
        permits = [leaf for leaf in reader.entries(0, told - 1) if leaf.kind == "order.permitted"]
        return {name for leaf in permits for _, name, _ in leaf.records}
    finally:
        reader.close()


def watch(rig: Rig) -> tuple[Watched, list[ClientOrderId]]:
    """The port, and every order that reaches it from here on while its permit is not on disk at that moment.

    Collected, not raised: what a port raises is an unknown outcome to the core, and no news to a test.
    """
    port = rig.port
    unpermitted: list[ClientOrderId] = []
    assert isinstance(port, Watched)

    def note(sent: ClientOrderId) -> None:
        if sent not in permits_on_disk(rig):
            unpermitted.append(sent)

    port.on_send = note
    return port, unpermitted


def test_no_tool_reaches_the_venue_without_a_permit(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        port, unpermitted = watch(rig)
        resting = order_id(await rig.submit(buy("0.01", "49000")))
        asked = calls(resting, "rt0")
        assert asked.keys() == CATALOG.keys()
        for name, arguments in asked.items():
            await call_tool(rig.core, LOCAL, CATALOG[name], arguments)
        told = {"symbol": "BTC/USDT", "signal": "up", "confidence": "1"}
        for name, tool in INSIGHT_CATALOG.items():
            answer = await call_tool(rig.core, LOCAL, tool, told if name.startswith("post_") else asked_of(name))
            assert answer.ok, name
        assert not unpermitted
        assert len(port.sent) == len(set(port.sent))
        assert len(port.sent) >= 3

    play(tmp_path, scenario, ROOMY, wrap=Watched)


def test_no_verb_of_the_operator_reaches_the_venue_without_a_permit(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        port, unpermitted = watch(rig)
        resting = order_id(await rig.submit(buy("0.01", "49000")))
        before = len(port.sent)
        socket = OperatorSocket(rig.core, rig.home.operator_socket)
        asked = verbs(resting, "rt0", "0" * 32)
        assert {type(verb) for verb in asked} == set(typing.get_args(wire.AnyVerb))
        for verb in asked:
            await socket._reply(msgspec.json.encode(verb), "test")
        assert len(port.sent) == before
        assert not unpermitted

    play(tmp_path, scenario, ROOMY, wrap=Watched)


def test_the_http_listener_has_one_route_and_it_is_mcp(tmp_path: Path) -> None:
    async def scenario(rig: Rig) -> None:
        door = Door(rig.core.agents, "test", rig.core.clock)
        app = http_app(build_server(rig.core, principal_of), door)
        assert [route.path for route in app._app.routes] == ["/mcp"]  # type: ignore[attr-defined]

    play(tmp_path, scenario, ROOMY, wrap=Watched)


def test_every_method_of_every_port_is_known_to_move_value_or_not_to() -> None:
    protocols = [it for _, it in inspect.getmembers(ports, inspect.isclass) if getattr(it, "_is_protocol", False)]
    methods = {name for it in protocols for name, method in vars(it).items() if inspect.isfunction(method)}
    assert {name for name in methods if not name.startswith("_")} == MOVES_VALUE | ONLY_READS_OR_LOWERS
    assert not MOVES_VALUE & ONLY_READS_OR_LOWERS


def test_a_worker_can_be_asked_for_exactly_those_methods_and_for_the_moving_ones_with_a_permit_alone() -> None:
    assert {name for _, name in METHODS} == MOVES_VALUE | ONLY_READS_OR_LOWERS
    assert {method.name for method in METHODS.values() if method.action is not None} == MOVES_VALUE
    assert {name for name, _ in CALLS.values()} == MOVES_VALUE
    assert set(CALLS) == set(Action)


@pytest.mark.parametrize("name", sorted(MOVES_VALUE))
def test_a_method_that_moves_value_says_so(name: str) -> None:
    protocols = [it for _, it in inspect.getmembers(ports, inspect.isclass) if name in vars(it)]
    assert protocols
    for protocol in protocols:
        assert "**Moves value" in (inspect.getdoc(getattr(protocol, name)) or "")


def test_no_route_of_the_operators_listener_acts_but_through_a_verb() -> None:
    """What a route takes of the core besides: who signs in, and what may be looked at."""
    looked_at = {"archive", "clock", "halt.is_halted", "identity.mode", "identity.version", "operators"}
    looked_at |= {"operators.begin_codes", "operators.factors", "operators.sign_in", "recorder.failure"}
    looked_at |= {"telemetry.meter"}
    folder = Path(inspect.getfile(operator_http)).parent
    used = {name for path in folder.glob("*_routes.py") for name in re.findall(r"core\.([a-z_.]+)", path.read_text())}
    assert {".".join(name.split(".")[:2]) if name.count(".") else name for name in used} <= looked_at
