"""Notices from the running program, through a caged notifier, to a receiver of the operator's."""

from __future__ import annotations

import base64
import json
import signal
import time
from collections.abc import Callable

from appliance.home import Home
from appliance.transport.operator_client import OperatorClient
from tests.cli.appliances import Appliance
from tests.cli.six_notifiers import SIX, six_services
from tests.plugins.serving import Receiver, receiving

WAIT_MAX_S = 20.0
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOTIFIER = """\
[approval]
mode = "approve_each"
[[notifier]]
name = "phone"
plugin = "webhook"
severity_min = "warning"
private_hosts = ["127.0.0.1:{port}"]
settings = {{url = "http://127.0.0.1:{port}/x"}}
"""


def told(receiver: Receiver) -> list[dict[str, str]]:
    return [json.loads(post.body) for post in receiver.posted]


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + WAIT_MAX_S
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_a_proposal_and_a_halt_reach_the_operator_and_a_failed_delivery_is_repeated(appliance: Appliance) -> None:
    with receiving() as receiver:
        appliance.configure(NOTIFIER.format(port=receiver.port))
        assert appliance.run("plugin", "secret", "phone", "signing_key", "--from-file", "-", said=KEY).returncode == 0
        receiver.status = 503
        appliance.serve()
        agent = appliance.mcp().agent
        agent.fund()
        held = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.01")
        until(lambda: len(receiver.posted) >= 2)
        first, second = told(receiver)[:2]
        assert first == second, "the same notice again"
        receiver.status = 204
        appliance.done("halt", "--reason", "looks odd")
        until(lambda: any(notice["subject"] == "all trading is halted" for notice in told(receiver)))
        request_id = held["proposal"]["request_id"]
        assert request_id in first["text"]
        shown = appliance.json("approvals", "show", request_id)
        assert shown["request_id"] == request_id
        halted = next(notice for notice in told(receiver) if "halted" in notice["subject"])
        assert (halted["severity"], "looks odd" in halted["text"]) == ("critical", True)
        assert not any(notice["severity"] == "info" for notice in told(receiver))
        size, root = halted["checkpoint"].split(" ")
        assert int(size) > 0
        assert len(base64.b64decode(root)) == 32


def test_an_order_that_is_held_is_told_through_all_six_notifiers_and_witnessed(appliance: Appliance) -> None:
    with six_services(appliance, '[approval]\nmode = "approve_each"\n') as sent:
        appliance.serve()
        agent = appliance.mcp().agent
        agent.fund()
        held = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.01")
        request_id = held["proposal"]["request_id"]
        until(lambda: all(any(request_id in text for text in texts) for texts in sent().values()))
        assert appliance.done("notices", "test", "my_email") == "delivered: my_email has it\n"
        with OperatorClient(Home(appliance.home).operator_socket) as client:
            assert [client.test_notifier(f"my_{plugin}").problem for plugin in SIX] == [None] * 6
        for plugin, texts in sent().items():
            (told,) = [text for text in texts if request_id in text]
            assert "a proposal waits" in told
            assert "checkpoint" in told, plugin
            assert any("a test of this notifier" in text for text in texts)
        (listed,) = [it for it in appliance.json("notices", "list") if it["about"] == "proposal.made"]
        assert {it["notifier"]: it["state"] for it in listed["deliveries"]} == {
            f"my_{plugin}": "delivered" for plugin in SIX
        }
        assert appliance.json("notices", "list", "--failed") == []
        assert appliance.run("notices", "test", "my_fax").returncode == 1


def test_what_a_killed_core_had_not_delivered_is_delivered_by_the_next_and_a_dead_letter_is_sent_again(
    appliance: Appliance,
) -> None:
    with receiving() as receiver:
        appliance.configure(NOTIFIER.format(port=receiver.port))
        assert appliance.run("plugin", "secret", "phone", "signing_key", "--from-file", "-", said=KEY).returncode == 0
        receiver.status = 503
        process = appliance.serve()
        appliance.done("restrict", "global", "reduce_only", "--reason", "careful")
        until(lambda: bool(receiver.posted))
        before = told(receiver)[0]["notice_id"]
        process.end(signal.SIGKILL)
        receiver.status = 400
        appliance.serve()
        with OperatorClient(Home(appliance.home).operator_socket) as client:
            until(lambda: any(it.notice_id == before for it in client.notices(failed=True)))
            (dead,) = [it for it in client.notices(failed=True) if it.notice_id == before]
            assert "answered 400" in (dead.deliveries[0].reason or "")
            assert "did not arrive" in appliance.done("status")
            receiver.posted.clear()
            receiver.status = 204
            assert before in appliance.done("notices", "list", "--failed")
            appliance.done("notices", "resend", before)
            until(lambda: any(it["notice_id"] == before for it in told(receiver)))
            until(lambda: all(it.notice_id != before for it in client.notices(failed=True)))
            for it in client.notices(failed=True):
                client.dismiss_notice(it.notice_id)
            assert client.notices(failed=True) == []
        assert appliance.run("audit", "verify").returncode == 0
