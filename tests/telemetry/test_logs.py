"""What is logged: lines that programs can read, and no secret in any of them, wherever it came from."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from appliance.bootstrap.assembly import utc_now
from appliance.domain.agents import AgentScope
from appliance.redaction import PASSING_MAX, REDACTED, SECRETS, Redactor
from appliance.service.one_time_codes import new_secret
from appliance.service.passwords import hashed, matches
from appliance.service.session_tokens import AccessTokens, RefreshTokens
from appliance.telemetry.logs import JsonFormatter, LogForm, TextFormatter, about
from tests.cli.appliances import ROOT, Appliance, Process, new_appliance
from tests.service.rig import OPERATOR, Rig, buy, play

WRONG_TOKEN = "rt_alice_which-is-not-the-right-one"
CANARY = "c4n4ry/k+y=of-a-test"
PROGRAM = """\
import logging, sys, threading, warnings
from appliance.redaction import SECRETS
from appliance.service.one_time_codes import new_secret
from appliance.service.passwords import hashed, matches
from appliance.service.session_tokens import AccessTokens, RefreshTokens
from appliance.telemetry.logs import LogForm, LogLevel, to_stderr
CANARY = {canary!r}
to_stderr(LogForm({form!r}), LogLevel.INFO)
SECRETS.keep(CANARY)
{body}
"""
SAYINGS = {
    "a line of ours": "logging.getLogger('appliance.x').info('using %s', CANARY)",
    "a foreign library's": "logging.getLogger('urllib3').warning('GET /hook/%s', CANARY)",
    "a traceback": (
        "try: raise ValueError(f'wrong {CANARY}')\nexcept ValueError: logging.getLogger('appliance').exception('oh')"
    ),
    "a chain of them": (
        "try:\n  try: raise KeyError(CANARY)\n  except KeyError as e: raise RuntimeError('outer') from e\n"
        "except RuntimeError: logging.getLogger('appliance').exception('oh')"
    ),
    "an exception that nobody caught": "raise ValueError(CANARY)",
    "one in a thread": "t = threading.Thread(target=lambda: int(CANARY)); t.start(); t.join()",
    "a warning": "warnings.warn(f'deprecated: {CANARY}')",
    "a record that does not fit its arguments": "logging.getLogger('appliance').error('%d', CANARY)",
    "an object that will not be text": (
        "class Bad:\n  def __str__(self): raise ValueError(CANARY)\nlogging.getLogger('appliance').error('%s', Bad())"
    ),
}


@pytest.mark.parametrize("form", LogForm)
@pytest.mark.parametrize("saying", SAYINGS)
def test_no_secret_is_in_anything_that_a_process_says(tmp_path: Path, saying: str, form: LogForm) -> None:
    program = PROGRAM.format(canary=CANARY, form=form.value, body=SAYINGS[saying])
    path = tmp_path / "said.py"
    path.write_text(program)
    ended = subprocess.run(
        [sys.executable, "-c", f"exec(compile(open({str(path)!r}).read(), 'said', 'exec'))"],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert ended.stderr.strip(), saying
    for shape in (CANARY, quote(CANARY), base64.b64encode(CANARY.encode()).decode(), json.dumps(CANARY)[1:-1]):
        assert shape not in ended.stderr + ended.stdout
    if form is LogForm.JSON:
        assert all(isinstance(json.loads(line), dict) for line in ended.stderr.splitlines())


def record(text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord("appliance.test", logging.WARNING, "file.py", 1, text, args, None)


def test_a_line_of_json_has_the_time_the_level_the_logger_and_what_it_is_about() -> None:
    with about("rt42"):
        told = json.loads(JsonFormatter().format(record("order %s\nof two lines", "x")))
    at = datetime.fromisoformat(told.pop("at"))
    assert at.utcoffset() is not None
    assert not at.utcoffset()
    assert told == {
        "level": "warning", "logger": "appliance.test", "message": "order x\nof two lines", "request_id": "rt42"
    }  # fmt: skip
    assert "request_id" not in json.loads(JsonFormatter().format(record("later")))


def test_a_line_of_text_says_what_it_is_about() -> None:
    with about("rt42"):
        assert TextFormatter().format(record("sent")).endswith("appliance.test: sent [rt42]")


def test_a_secret_that_came_by_is_forgotten_for_newer_ones_and_a_kept_one_never() -> None:
    redact = Redactor(["kept-for-ever"])
    for number in range(PASSING_MAX + 1):
        redact.pass_by(f"passing-{number:05}")
    assert redact("passing-00000") == "passing-00000"
    assert redact(f"passing-{PASSING_MAX:05} passing-00001 kept-for-ever") == " ".join([REDACTED] * 3)


def test_a_secret_that_is_seen_again_is_new_again() -> None:
    redact = Redactor()
    redact.pass_by("the-oldest-one")
    for number in range(PASSING_MAX - 1):
        redact.pass_by(f"passing-{number:05}")
    redact.pass_by("the-oldest-one")
    redact.pass_by("one-more-of-them")
    assert redact("the-oldest-one") == REDACTED
    assert redact("passing-00000") == "passing-00000"


def test_a_guess_is_known_while_it_is_worked_with_and_takes_no_word_out_of_the_log_afterwards() -> None:
    redact = Redactor(["journal-key"])
    with redact.holding("journal"), redact.holding("journal-key"), redact.holding("a"):
        assert redact("a journal") == f"a {REDACTED}"
    assert redact("a journal") == "a journal"
    assert redact("journal-key") == REDACTED


def test_forgetting_one_uncovers_no_other_that_has_a_form_in_common() -> None:
    redact = Redactor(["line-one\nline-two"])
    redact.pass_by("line-one")
    for number in range(PASSING_MAX):
        redact.pass_by(f"passing-{number:05}")
    assert redact("line-one") == REDACTED


def test_the_core_knows_every_secret_that_it_makes_or_is_shown(tmp_path: Path) -> None:
    seen: list[str] = []

    async def scenario(rig: Rig) -> None:
        token = await rig.core.agents.add("alice", frozenset({AgentScope.READ}), timedelta(hours=1), "test")
        assert rig.core.agents.authenticate(WRONG_TOKEN) is None
        held = await rig.hold(buy())
        shown = rig.core.approvals.show(held.record.request.request_id, OPERATOR)
        assert shown is not None
        seen.extend([token, WRONG_TOKEN, shown.confirm_token])
        for key in (rig.home.permit_key, rig.home.approval_key):
            seen.append(key.read_bytes().hex())
            seen.append(base64.b64encode(key.read_bytes()).decode())
        seen.append(rig.home.checkpoint_key.read_text().strip())

    play(tmp_path, scenario, '[approval]\nmode = "approve_each"\n')
    assert len(seen) == 8
    for secret in seen:
        assert secret not in SECRETS(f"seen: {secret}.")


def test_what_an_operator_signs_in_with_is_known() -> None:
    password, access = "four words that nobody typed", AccessTokens(b"k" * 32, utc_now)
    token, _ = access.issue("alice", "session", utc_now() + timedelta(hours=1))
    phc = asyncio.run(hashed("another one, to be changed"))
    assert not asyncio.run(matches(password, phc))
    assert SECRETS(password) == password
    assert asyncio.run(matches("another one, to be changed", phc))
    for secret in (new_secret(), token, RefreshTokens(b"k" * 32).new("session"), "another one, to be changed"):
        assert SECRETS(f"seen: {secret}.") == f"seen: {REDACTED}."


def test_the_daemon_logs_json_when_it_is_told_to() -> None:
    with new_appliance('[log]\nformat = "json"\n') as appliance:
        daemon = json_daemon(appliance)
        daemon.end()
        told = [json.loads(line) for line in daemon.lines]
        assert told
        assert all(line["at"].endswith("+00:00") and line["level"] and line["logger"] for line in told)
        assert any("readytrader serves paper trading" in line["message"] for line in told)


def json_daemon(appliance: Appliance) -> Process:
    daemon = Process(appliance._start("serve"))
    daemon.wait_for("operators")
    return daemon


def test_the_level_of_the_command_line_goes_before_the_configuration() -> None:
    with new_appliance('[log]\nformat = "json"\nlevel = "info"\n') as appliance:
        quiet = Process(appliance._start("serve", "--log-level", "error"))
        while appliance.run("status").returncode != 0:
            assert quiet.popen.poll() is None
        quiet.end()
        assert not [line for line in quiet.lines if json.loads(line)["level"] in ("info", "warning")]
