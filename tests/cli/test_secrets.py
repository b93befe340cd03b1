"""A canary: after a whole session with everything logged, no secret is anywhere but in its own file."""

from __future__ import annotations

import base64
from pathlib import Path

from appliance.transport.operator_client import OperatorClient
from tests.cli.appliances import Appliance

CONFIGURATION = '[approval]\nnotional_min = "1000"'


def spellings(secret: bytes) -> set[bytes]:
    """A secret as it might be written: raw, in hex, in base64."""
    return {secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret)}


def key_spellings(path: Path) -> set[bytes]:
    raw = path.read_bytes()
    if path.name != "checkpoint.key":
        return spellings(raw)
    private = raw.split()[-1]
    return {raw.strip(), private, *spellings(base64.b64decode(private + b"=" * (-len(private) % 4)))}


def test_no_secret_leaves_its_file(appliance: Appliance) -> None:
    appliance.configure(CONFIGURATION)
    daemon = appliance.serve("debug")
    token = appliance.add_agent("alice")
    child = appliance.mcp(token)
    agent = child.agent
    agent.fund()
    agent.order("buy", "0.001")
    held = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.02")
    request_id = held["proposal"]["request_id"]
    with OperatorClient(appliance.run_folder / "operator.sock") as operator:
        confirm_token = operator.approval(request_id).confirm_token
    told = [
        appliance.done("approvals", "show", request_id),
        appliance.done("approvals", "approve", request_id, "--yes"),
        appliance.done("status", "--json"),
        appliance.done("agent", "list", "--json"),
    ]
    agent.done("get_proposal", request_id=request_id)
    agent.done("get_policy")
    agent.done("list_cex_orders")
    appliance.done("halt", "--reason", "x")
    agent.call("place_cex_order", symbol="BTC/USDT", side="sell", amount="0.001")
    appliance.done("resume", "--reason", "y")
    bad = appliance.mcp(token[:-2] + "xx", handshake=False)
    bad.end(None)
    child.leave()
    daemon.end()
    told += [
        appliance.done("audit", "export"),
        appliance.done("audit", "prove", "2"),
        child.said,
        bad.said,
        daemon.said,
    ]

    keys = sorted((appliance.home / "keys").iterdir())
    assert [path.name for path in keys] == ["approval.key", "checkpoint.key", "operator-sessions.key", "permit.key"]
    secrets = {spelled for path in keys for spelled in key_spellings(path)}
    secrets |= {token.encode(), token.split("_", 2)[2].encode(), confirm_token.encode()}
    assert all(len(secret) >= 32 for secret in secrets)

    others = [path for path in appliance.home.rglob("*") if path.is_file() and path not in keys]
    seen = agent.transcript + "\n".join(told).encode() + b"".join(path.read_bytes() for path in others)
    assert request_id.encode() in seen
    assert not [secret for secret in secrets if secret in seen]
