"""Approvals and limits over the operators' HTTP listener, and everybody who may not."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from appliance.domain.events import ApprovalGiven, OrderPermitted, ProposalDecided
from appliance.domain.intents import RequestId
from appliance.domain.limit_changes import LimitSet, LooseningAsked
from appliance.domain.operators import Person, Role
from appliance.service.core import Core
from appliance.transport import operator_wire as wire
from appliance.transport.agent_socket import AgentSocket
from appliance.transport.http import AgentHttp
from appliance.transport.operator_acts import NotAllowed, OperatorActs
from tests.operator_http.devices import enrolled
from tests.operator_http.serving import Caller, error_code, served
from tests.operator_http.test_every_route import ROUTES
from tests.operator_http.test_live_line import line as line_of
from tests.operator_http.test_live_line import push_of
from tests.transport.serving import call, new_token, quote_all

ORDER = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.001"}
EACH = {"EXECUTION_APPROVAL_MODE": "approve_each"}
CAP = "limits.open_orders_max"


async def waiting(core: Core, who: Caller, **more: str) -> dict[str, Any]:
    """A proposal as somebody sees it."""
    held = await call(core, "place_cex_order", **(ORDER | more))
    assert held["status"] == "held", held
    answer = await who.get("/api/pending-approvals")
    assert answer.status_code == 200, answer.text
    (found,) = [it for it in answer.json()["pending"] if it["request_id"] == held["proposal"]["request_id"]]
    assert isinstance(found, dict)
    return found


def yes(shown: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"request_id": shown["request_id"], "confirm_token": shown["confirm_token"], "approve": True, **more}


def test_a_proposal_shows_everything_and_a_yes_with_a_second_factor_carries_it_out(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as ann:
            given: list[ApprovalGiven] = []
            core.recorder.listen(lambda event: given.append(event) if isinstance(event, ApprovalGiven) else None)
            device = await enrolled(core, "operator")
            shown = await waiting(core, ann)
            assert (shown["agent"], shown["venue"], shown["symbol"], shown["side"]) == (
                "local", "binance", "BTC/USDT", "buy",
            )  # fmt: skip
            assert (shown["quantity"], shown["order_type"]) == ("0.001 BTC", "market")
            assert (shown["price_worst"], shown["notional_max"]) == ("61210.2 USDT", "61.2102 USDT")
            assert (shown["fee_max"], shown["pay_max"]) == ("0.1224204 USDT", "61.3326204 USDT")
            assert (shown["quote"]["bid"], shown["quote"]["ask"]) == ("59990 USDT", "60010 USDT")
            assert [it["code"] for it in shown["held_because"]] == ["APPROVAL_REQUIRED"]
            limits = {it["name"]: it for it in shown["limits"]}
            assert (limits["position BTC"]["before"], limits["position BTC"]["after"]) == ("0", "61.2102")
            assert (limits["position BTC"]["limit"], limits["position BTC"]["after_pct"]) == ("500", "12.24")
            assert (limits["open orders"]["before"], limits["open orders"]["after"]) == ("0", "1")
            assert (shown["first_time"], shown["approvals_needed"]) == (True, 1)
            assert error_code(await ann.post("/api/approve-trade", **yes(shown))) == "factor_needed"
            assert error_code(await ann.post("/api/approve-trade", **yes(shown, factor={"totp": "000000"}))) in (
                "factor_refused",
            )
            assert not given
            answer = await ann.post("/api/approve-trade", **yes(shown, factor=device.factor()))
            assert answer.status_code == 200, answer.text
            said = answer.json()
            assert (said["ok"], said["state"], said["approvals_given"]) == (True, "approved", ["operator:operator"])
            assert said["order"]["order"]["state"] == "filled"
            assert [(it.by, it.factor) for it in given] == [("operator:operator", "totp")]
            page = (await ann.get("/api/approvals", state="approved")).json()
            assert [it["request_id"] for it in page["approvals"]] == [shown["request_id"]]
            assert page["approvals"][0]["approvals_given"][0]["factor"] == "totp"

    asyncio.run(scenario())


def test_a_no_needs_no_factor_and_a_yes_after_it_comes_too_late(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as ann:
            device = await enrolled(core, "operator")
            shown = await waiting(core, ann)
            answer = await ann.post("/api/approve-trade", request_id=shown["request_id"], approve=False, reason="no")
            assert answer.json()["state"] == "refused"
            late = await ann.post("/api/approve-trade", **yes(shown, factor=device.factor()))
            assert (late.status_code, error_code(late)) == (409, "refused")
            assert not core.state.live_orders

    asyncio.run(scenario())


def test_two_persons_agree_over_http_each_with_their_own_token_and_factor(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = {**EACH, "READYTRADER_APPROVAL_PEOPLE_MIN": "2"}
        async with served(tmp_path, **settings) as (core, http):
            ann = await Caller.signed_in(core, http, Role.OPERATOR, "ann")
            bob = await Caller.signed_in(core, http, Role.ADMIN, "bob")
            anns, bobs = await enrolled(core, "ann"), await enrolled(core, "bob")
            shown = await waiting(core, ann)
            first = await ann.post("/api/approve-trade", **yes(shown, factor=anns.factor()))
            assert (first.json()["state"], first.json()["approvals_needed"]) == ("waiting_for_another", 2)
            again = await ann.post("/api/approve-trade", **yes(shown, factor=anns.factor()))
            assert (again.status_code, "agreed already" in again.text) == (409, True)
            stolen = await bob.post("/api/approve-trade", **yes(shown, factor=bobs.factor()))
            assert (stolen.status_code, "APPROVAL_MISMATCH" in stolen.text) == (409, True)
            (seen,) = (await bob.get("/api/pending-approvals")).json()["pending"]
            assert seen["approvals_given"] == ["operator:ann"]
            quote_all(core)
            last = await bob.post("/api/approve-trade", **yes(seen, factor=bobs.factor()))
            assert last.json()["state"] == "approved", last.text
            assert last.json()["approvals_given"] == ["operator:ann", "operator:bob"]
            for caller in (ann, bob):
                await caller.close()

    asyncio.run(scenario())


def test_whose_account_is_closed_or_made_less_agreed_to_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = {**EACH, "READYTRADER_APPROVAL_PEOPLE_MIN": "2"}
        async with served(tmp_path, **settings) as (core, http):
            callers = {name: await Caller.signed_in(core, http, Role.OPERATOR, name) for name in ("ann", "bob", "cem")}
            devices = {name: await enrolled(core, name) for name in callers}
            await waiting(core, callers["ann"])
            for name, caller in callers.items():
                (seen,) = (await caller.get("/api/pending-approvals")).json()["pending"]
                quote_all(core)
                said = await caller.post("/api/approve-trade", **yes(seen, factor=devices[name].factor()))
                assert said.json()["state"] == ("waiting_for_another" if name != "cem" else "approved"), said.text
                if name == "ann":
                    await core.operators.set_role("ann", Role.VIEWER, "test")
            (order,) = core.state.orders.values()
            assert order.approved_by == "operator:bob, operator:cem"
            for caller in callers.values():
                await caller.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("deed", ["closed", "made a viewer"])
def test_a_yes_from_before_somebody_could_not_decide_counts_no_more_once_they_can_again(
    tmp_path: Path, deed: str
) -> None:
    async def scenario() -> None:
        settings = {**EACH, "READYTRADER_APPROVAL_PEOPLE_MIN": "2"}
        async with served(tmp_path, **settings) as (core, http):
            ann, bob = [await Caller.signed_in(core, http, Role.OPERATOR, name) for name in ("ann", "bob")]
            devices = {name: await enrolled(core, name) for name in ("ann", "bob")}
            shown = await waiting(core, ann)
            request_id = RequestId(shown["request_id"])
            assert (await ann.post("/api/approve-trade", **yes(shown, factor=devices["ann"].factor()))).is_success
            people = {it.person.name: it.person for it in core.operators.all()}
            change = await core.limit_book.loosen(
                "limits.position_max_pct", "6", people["operator:ann"], "totp", "a calm week"
            )
            if deed == "closed":
                await core.operators.disable("ann", "test")
                await core.operators.enable("ann", "test")
            else:
                await core.operators.set_role("ann", Role.VIEWER, "test")
                await core.operators.set_role("ann", Role.OPERATOR, "test")
            assert core.approvals.people(core.state.proposals[request_id]) == ()
            (seen,) = (await bob.get("/api/pending-approvals")).json()["pending"]
            said = await bob.post("/api/approve-trade", **yes(seen, factor=devices["bob"].factor()))
            assert said.json()["state"] == "waiting_for_another", said.text
            assert not core.state.orders
            again = core.approvals.show(request_id, people["operator:ann"])
            assert again is not None
            quote_all(core)
            await core.approvals.approve(request_id, again.confirm_token or "", people["operator:ann"], "totp")
            (order,) = core.state.orders.values()
            assert order.approved_by == "operator:bob, operator:ann"

            await core.limit_book.confirm(change.change_id, people["operator:bob"], "totp")
            core.limit_book._end_waiting(core.state.limits.changes[change.change_id])  # as if it were due
            assert core.limits.position_max_pct == 5
            for caller in (ann, bob):
                await caller.close()

    asyncio.run(scenario())


def test_a_viewer_sees_no_token_and_decides_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            shown = await waiting(core, viewer)
            assert "confirm_token" not in shown
            for path, body in (
                ("/api/approve-trade", {"request_id": shown["request_id"], "approve": False}),
                ("/api/limits/tighten", {"name": CAP, "value": "5", "reason": "x"}),
                ("/api/limits/loosen", {"name": CAP, "value": "500", "reason": "x"}),
                ("/api/limits/changes/lc0/withdraw", {}),
                ("/api/limits/changes/lc0/confirm", {}),
            ):
                assert error_code(await viewer.post(path, **body)) == "role_too_low", path
            for path in ("/api/limits", "/api/usage", "/api/approvals"):
                assert (await viewer.get(path)).status_code == 200, path
            assert len(core.approvals.pending()) == 1

    asyncio.run(scenario())


def test_no_answer_and_no_push_shows_a_viewer_a_confirm_token(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            served(tmp_path, **EACH) as (core, http),
            await Caller.signed_in(core, http, Role.OPERATOR) as ann,
            await Caller.signed_in(core, http, Role.VIEWER) as viewer,
        ):
            socket = await line_of(viewer)
            shown = await waiting(core, ann)
            person, request_id = Person(name="operator:viewer", role=Role.VIEWER), RequestId(shown["request_id"])
            own = core.approvals.show(request_id, person)
            assert own is not None
            tokens = [shown["confirm_token"], own.confirm_token or "no such token"]
            body = {"request_id": request_id, "approve": True, "confirm_token": "guessed"}
            for method, path, _ in (it for it in ROUTES if it[1] != "/api/auth/logout"):
                answer = await viewer.client.request(method, path, json=body if method == "POST" else None)
                assert path == "/openapi.json" or "confirm_token" not in answer.text, path
                assert not [it for it in tokens if it in answer.text], path
            with pytest.raises(NotAllowed):
                await OperatorActs(core).carry_out(wire.ShowApproval(request_id=request_id), person)
            pushed = json.dumps(await push_of(socket, "APPROVAL_UPDATE"))
            await socket.close()
            assert request_id in pushed
            assert not [it for it in ("confirm_token", *tokens) if it in pushed]

    asyncio.run(scenario())


def test_an_agents_credential_decides_nothing_at_any_door(tmp_path: Path) -> None:
    """Its own listener knows no such path, the operators' knows no such token, and its socket no such verb."""

    async def scenario() -> None:
        async with served(tmp_path, **EACH) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as ann:
            decided: list[object] = []
            kinds = (ApprovalGiven, ProposalDecided, OrderPermitted, LimitSet, LooseningAsked)
            core.recorder.listen(lambda event: decided.append(event) if isinstance(event, kinds) else None)
            shown = await waiting(core, ann)
            token = await new_token(core, "mallory")
            agents = AgentHttp(core, "127.0.0.1", 0)
            await agents.start()
            tries = (
                ("/api/approve-trade", yes(shown)),
                ("/api/approve-trade", {"request_id": shown["request_id"], "approve": False}),
                ("/api/limits/tighten", {"name": CAP, "value": "5", "reason": "x"}),
                ("/api/limits/loosen", {"name": CAP, "value": "500", "reason": "x"}),
            )
            async with Caller(http.port, token) as outsider, Caller(agents.port, token) as insider:
                for path, body in tries:
                    assert error_code(await outsider.post(path, **body)) == "not_signed_in", path
                    assert (await insider.post(path, **body)).status_code == 404, path
                for path in ("/api/pending-approvals", "/api/limits", "/api/usage", "/api/approvals"):
                    assert error_code(await outsider.get(path)) == "not_signed_in", path
            await agents.aclose()
            assert "result" not in await said_at_the_agent_socket(core, tmp_path / "a.sock", token, yes(shown))
            assert not decided
            assert len(core.approvals.pending()) == 1

    asyncio.run(scenario())


async def said_at_the_agent_socket(core: Core, path: Path, token: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What an agent is answered that speaks the operators' language at its own door."""
    door = AgentSocket(core, path)
    await door.start()
    reader, writer = await asyncio.open_unix_connection(path)
    verb = {"verb": "approvals.approve", "request_id": asked["request_id"], "confirm_token": asked["confirm_token"]}
    for line in ({"readytrader": 1, "token": token}, {"jsonrpc": "2.0", "id": 1, "method": "approvals.approve"} | verb):
        writer.write(json.dumps(line).encode() + b"\n")
    assert json.loads(await reader.readline())["agent"] == "mallory"
    answer = json.loads(await reader.readline())
    writer.close()
    await door.aclose()
    assert isinstance(answer, dict)
    return answer


def test_limits_are_tightened_at_once_and_loosened_with_a_factor_a_delay_and_a_way_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR) as ann:
            device = await enrolled(core, "operator")
            tightened = await ann.post("/api/limits/tighten", name=CAP, value="10", reason="less")
            assert (tightened.json()["state"], core.limits.open_orders_max) == ("in_force", 10)
            body = {"name": CAP, "value": "15", "reason": "more"}
            assert error_code(await ann.post("/api/limits/loosen", **body)) == "factor_needed"
            asked = await ann.post("/api/limits/loosen", **body, factor=device.factor())
            assert (asked.json()["state"], asked.json()["factor"]) == ("pending", "totp")
            assert core.limits.open_orders_max == 10
            seen = (await ann.get("/api/limits")).json()
            assert [it["id"] for it in seen["pending"]] == [asked.json()["id"]]
            (row,) = [it for it in seen["limits"] if it["name"] == CAP]
            assert (row["value"], row["configured"], row["tighter"], row["changed_by"]) == (
                "10", "20", "lower", "operator:operator",
            )  # fmt: skip
            taken_back = await ann.client.post(f"/api/limits/changes/{asked.json()['id']}/withdraw")
            assert taken_back.status_code == 200, taken_back.text
            history = (await ann.get("/api/limits")).json()["history"]
            assert {it["state"] for it in history} == {"in_force", "withdrawn"}
            wrong = await ann.post("/api/limits/tighten", name=CAP, value="0,5", reason="x")
            assert (wrong.status_code, CAP in wrong.text) == (409, True)

    asyncio.run(scenario())


def test_the_gauges_say_what_is_used_of_each_limit(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            assert (await call(core, "place_cex_order", **ORDER))["ok"]
            answer: httpx.Response = await viewer.get("/api/usage")
            gauges = {it["name"]: it for it in answer.json()["gauges"]}
            position = gauges["position BTC"]
            assert (position["used"], position["unit"], position["setting"]) == ("60", "USDT", "position_max_pct")
            assert position["rule"] == "R08"
            assert gauges["open orders"]["used"] == "0"
            assert {"exposure", "value of open orders", "turnover local", "daily loss", "drawdown"} <= gauges.keys()

    asyncio.run(scenario())
