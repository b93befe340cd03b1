"""Notices from the running program, through a caged notifier, to a receiver of the operator's."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

from tests.cli.appliances import Appliance
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
        until(lambda: any(notice["subject"] == "trading is halted for global" for notice in told(receiver)))
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
