"""A secret in what a plugin says arrives nowhere: not in an error, a log line, a print, health, or a file of the home.

This is for accidents, and held against the usual forms; a plugin that wants to can say its own secret in other words.
"""

from __future__ import annotations

import logging
import os
from base64 import b64encode
from urllib.parse import quote

import msgspec
import pytest
from readytrader_sdk.errors import PluginError

from appliance.plugin_host.health import WorkerState
from tests.hostile.trading import SECRET, rogue

RAW = SECRET.encode()
FORMS = (
    SECRET,
    RAW.hex(),
    b64encode(RAW).decode().rstrip("="),
    quote(SECRET, safe=""),
    quote(SECRET),
    ascii(SECRET)[1:-1],
    repr(RAW)[2:-1],
    msgspec.json.encode(SECRET).decode()[1:-1],
)


def forms_in(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


def test_the_search_finds_every_form() -> None:
    assert len(forms_in(" ".join(FORMS))) == len(FORMS)


def test_a_secret_that_a_plugin_says_arrives_nowhere(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    heard = []
    with rogue() as scene:
        for behaviour in ("raises", "breaks", "says"):
            try:
                scene.place(scene.next_order(behaviour))
            except PluginError as error:
                heard += [str(error), repr(error)]
        scene.stage.until(lambda: caplog.text.count("[secret]") >= 5)
        heard.append(msgspec.json.encode(scene.stage.host.health()).decode())
        files = [path for path in scene.stage.home.root.rglob("*") if path.is_file()]
        heard += [path.read_bytes().decode(errors="replace") for path in files if path.name != "token"]
    captured = capfd.readouterr()
    heard += [captured.out, captured.err, caplog.text]
    assert [text for text in heard if forms_in(text)] == []
    assert "cannot log in with [secret] [secret] [secret]" in heard[0]
    assert "place_order raised RuntimeError" in heard[2]


@pytest.mark.parametrize(
    "code",
    [
        "raise RuntimeError(context.secrets['token'])",
        "raise Misconfigured(context.secrets['token'].encode().hex())",
        "raise SystemExit(context.secrets['token'])",
    ],
)
def test_a_secret_in_the_reason_for_not_starting_arrives_nowhere(caplog: pytest.LogCaptureFixture, code: str) -> None:
    making = (
        "from readytrader_sdk.errors import Misconfigured\n"
        f"def register_exchanges():\n    def make(context):\n        {code}\n    return {{'rogue': make}}\n"
        "register_exchanges = hookimpl(register_exchanges)\n"
    )
    with rogue(after=making, wait=False) as scene:
        scene.stage.until(lambda: scene.health.state is WorkerState.FAILED)
        assert "[secret]" in (scene.health.last_error or "")
        assert forms_in(caplog.text + repr(scene.health)) == []


def test_the_core_s_environment_is_not_the_worker_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_OF_THE_CORE", "canary-4711")
    asking = "import os\nif 'canary-4711' in os.environ.values(): raise RuntimeError('seen')\n"
    with rogue(before=asking) as scene:
        assert scene.health.state is WorkerState.READY
    assert os.environ["CANARY_OF_THE_CORE"] == "canary-4711"
