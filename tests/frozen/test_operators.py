"""The operators' side of the frozen program: from the first account to a file that proves itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.cli.appliances import Appliance, Process, new_appliance
from tests.cli.six_notifiers import SIX, six_services
from tests.frozen.builds import ONE_FILE, UNPACKED
from tests.operator_http.devices import Device
from tests.telemetry.collector import Collector, collecting

PASSWORD = "correct horse battery"
PAGE_LINK = re.compile(r"(?:src|href)=\"(/page/[^\"]+)\"")


def port_of(daemon: Process) -> int:
    """Where the page is, in the words of `serve`."""
    found = re.search(r"http://localhost:(\d+)/", daemon.wait_for("http://localhost:"))
    assert found is not None
    return int(found[1])


def done(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 200, answer.text
    return answer


def opened_page(client: httpx.Client) -> int:
    """How many files the page names; each is there."""
    names = set(PAGE_LINK.findall(done(client.get("/")).text))
    for name in names:
        assert done(client.get(name)).content, name
    return len(names)


def signed_in_with_an_app(client: httpx.Client) -> Device:
    """Sign in by password, set up an authenticator app, and sign in again with a code of it."""
    person = {"username": "alice", "password": PASSWORD}
    tokens = done(client.post("/api/auth/login", json=person)).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    device = Device(done(client.post("/api/auth/totp/begin", json={"password": PASSWORD})).json()["secret"])
    done(client.post("/api/auth/totp/confirm", json={"code": device.code()}))
    assert client.post("/api/auth/login", json=person).json()["error"]["code"] == "totp_needed"
    tokens = done(client.post("/api/auth/login", json={**person, "totp": device.code()})).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return device


def pushed(port: int, client: httpx.Client) -> set[str]:
    """The types of the first messages of a live line, whose upgrade the frozen uvicorn has to understand."""
    with connect(f"ws://localhost:{port}/ws") as line:
        line.send(json.dumps({"type": "AUTH", "token": client.headers["Authorization"].removeprefix("Bearer ")}))
        return {json.loads(line.recv(timeout=20))["type"] for _ in range(2)}


@pytest.mark.parametrize("program", [ONE_FILE, UNPACKED], ids=["one file", "tree"])
def test_an_operator_signs_in_looks_approves_and_hands_out_files_that_prove_themselves(
    program: Path, tmp_path: Path
) -> None:
    with collecting() as collector, new_appliance(settings(collector), command=[str(program)]) as appliance:
        appliance.done("operator", "add", "alice", "--role", "admin", said=f"{PASSWORD}\n")
        daemon = appliance.serve()
        port = port_of(daemon)
        with httpx.Client(base_url=f"http://localhost:{port}", timeout=30) as client:
            assert opened_page(client) > 10
            device = signed_in_with_an_app(client)
            assert pushed(port, client) >= {"READY"}
            passkey = client.post("/api/auth/passkeys/begin", json={"password": PASSWORD, "factor": device.factor()})
            assert done(passkey).json()["rp"]["id"] == "localhost"
            assert "readytrader_" in done(client.get("/metrics")).text
            assert done(client.get("/openapi.json")).json()["paths"]
            agent = appliance.mcp().agent
            agent.fund()
            held = agent.call("place_cex_order", symbol="BTC/USDT", side="buy", amount="0.001")
            (proposal,) = done(client.get("/api/pending-approvals")).json()["pending"]
            assert proposal["request_id"] == held["proposal"]["request_id"]
        appliance.done("approvals", "approve", proposal["request_id"], said="y\n")
        assert appliance.json("orders")
        looked_back(appliance, tmp_path)
        assert daemon.end() == 0
        assert {"decide", "record"} <= {span.name for span in collector.trace_with("place_cex_order")}


def settings(collector: Collector) -> str:
    return f"""
[approval]
mode = "approve_each"
[otel]
enabled = true
endpoint = "{collector.endpoint}"
"""


def looked_back(appliance: Appliance, folder: Path) -> None:
    """Figures, the host's state, and each kind of file, verified with the public key alone."""
    assert "readytrader_" in appliance.done("metrics")
    examined = json.loads(appliance.run("doctor", "--json").stdout)
    assert not [it for it in examined["checks"] if it["level"] == "fail"], examined
    for verb in (("report", "tax"), ("report", "daily"), ("audit", "export"), ("audit", "export", "--format", "csv")):
        file = folder / "_".join(verb)
        appliance.done(*verb, "--output", str(file))
        appliance.done("audit", "verify", "--file", str(file))
    file.write_bytes(file.read_bytes().replace(b"alice", b"mallo", 1))
    assert appliance.run("audit", "verify", "--file", str(file)).returncode == 4


def test_each_notifier_tells_from_its_cage() -> None:
    with new_appliance(command=[str(UNPACKED)]) as appliance, six_services(appliance) as sent:
        daemon = appliance.serve()
        for plugin in SIX:
            assert appliance.done("notices", "test", f"my_{plugin}")
        assert all("a test of this notifier" in "".join(texts) for texts in sent().values())
        assert daemon.end() == 0
