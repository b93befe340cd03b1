"""What a plugin says leaves its worker without its secrets, printable, capped, and only so much of it."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.plugin_host.messages import Fault, Logged, Ping, Pong
from appliance.plugin_host.worker.output import LINES_BURST, LINES_PER_S, LineWriter, Output
from appliance.redaction import Redactor
from tests.worker.client import BTC, a_worker, an_exchange

KEY = "s3cr3t/k+y=ÿ"
FORMS = {
    "as it is": KEY,
    "hexadecimal": KEY.encode().hex(),
    "capitals": KEY.encode().hex().upper(),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of a login": base64.b64encode(f"user:{KEY}".encode()).decode(),
    "base64 of a longer text": base64.b64encode(f"ab{KEY}cd".encode()).decode(),
    "base64 for addresses": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "percent": quote(KEY, safe=""),
    "percent in a path": quote(KEY),
    "JSON": json.dumps(KEY),
    "Python": ascii(KEY),
    "bytes": repr(KEY.encode()),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_replaced_in_every_usual_form(form: str) -> None:
    shown = Redactor([KEY])(f"before {FORMS[form]} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "[secret]" in shown
    assert len(shown) <= len("before '[secret]' after") + 16


@given(st.text(min_size=1), st.text(), st.text())
def test_no_text_shows_a_secret_that_it_held(secret: str, before: str, after: str) -> None:
    shown = Redactor([secret])(before + secret + after)
    assert secret not in shown.replace("[secret]", "\0") or secret.strip("\0") == ""


@given(st.binary(min_size=6, max_size=40), st.binary(max_size=8), st.binary(max_size=8))
def test_no_base64_text_shows_a_secret_that_it_held(secret: bytes, before: bytes, after: bytes) -> None:
    text = secret.hex()  # any text that has no short forms
    encoded = base64.b64encode(before + text.encode() + after).decode()
    assert "[secret]" in Redactor([text])(encoded)


def test_a_short_secret_is_replaced_too() -> None:
    assert Redactor(["7"])("pin 7") == "pin [secret]"


def test_each_line_of_a_secret_is_one() -> None:
    pem = "-----BEGIN KEY-----\nMIIabc\n-----END KEY-----"
    assert Redactor([pem])("got MIIabc") == "got [secret]"


def test_a_secret_within_another_does_not_uncover_it() -> None:
    assert Redactor(["abc", "abcdef"])("abcdef") == "[secret]"


def test_a_worker_without_secrets_says_what_it_says() -> None:
    assert Redactor()("text") == "text"


SAYINGS = {
    "an error": ("raise Unavailable(f'wrong key {key}')", "wrong key"),
    "a print": ("print('using', key)", "using"),
    "a print of an error": ("print('using', key, file=sys.stderr)", "using"),
    "its log": ("self.context.logger.info('using %s', key)", "using"),
    "another's log": ("__import__('logging').getLogger('library').warning('using %s', key)", "using"),
    "a warning": ("__import__('warnings').warn(f'using {key}')", "using"),
    "an exception in the log": (
        "try: raise ValueError(key)\n    except ValueError: self.context.logger.exception('using')",
        "using (ValueError at"),
}  # fmt: skip


@pytest.mark.parametrize("saying", SAYINGS)
def test_no_secret_is_in_what_a_plugin_says(tmp_path: Path, saying: str) -> None:
    statement, seen = SAYINGS[saying]
    method = f"async def find_order(self, order_id, symbol):\n    key = self.context.secrets['key']\n    {statement}"
    with a_worker(tmp_path, an_exchange(method), secrets={"key": KEY}) as worker:
        worker.ready()
        if saying == "an error":
            assert worker.fails("find_order", "rt1", BTC) == (Fault.UNAVAILABLE, "wrong key [secret]")
        else:
            worker.call("find_order", "rt1", BTC)
            assert KEY not in worker.logged(seen).text


def test_no_secret_is_in_a_refusal_or_in_what_was_said_before_it(tmp_path: Path) -> None:
    init = (
        "def __init__(self, context):\n    print(dict(context.secrets))\n    raise ValueError(context.secrets['key'])"
    )
    with a_worker(tmp_path, an_exchange(init), secrets={"key": KEY}) as worker:
        assert "making it failed: ValueError: [secret]" in worker.refused()
        assert worker.said() == "{'key': '[secret]'}"


def test_a_secret_in_the_name_of_a_type_is_no_way_out(tmp_path: Path) -> None:
    method = (
        "async def find_order(self, order_id, symbol):\n    raise type(self.context.secrets['key'], (Exception,), {})"
    )
    with a_worker(tmp_path, an_exchange(method), secrets={"key": "s3cr3t-key"}) as worker:
        worker.ready()
        assert worker.fails("find_order", "rt1", BTC) == (Fault.BROKEN, "find_order raised [secret]")
        worker.call("balances")
        assert "s3cr3t-key" not in worker.said()


def test_levels_are_kept_and_odd_ones_bounded(tmp_path: Path) -> None:
    method = """
async def balances(self):
    self.context.logger.error("an error")
    self.context.logger.debug("not told")
    self.context.logger.log(10**30, "beyond")
    print("printed")
    return ()
"""
    with a_worker(tmp_path, an_exchange(method)) as worker:
        worker.ready()
        worker.call("balances")
        assert [(line.level, line.text) for line in worker.logs] == [
            (logging.ERROR, "an error"),
            (logging.CRITICAL, "beyond"),
            (logging.INFO, "printed"),
        ]


def test_too_many_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    method = "async def balances(self):\n    for n in range(20_000): print(n, 'x' * 5000)\n    return ()"
    with a_worker(tmp_path, an_exchange(method)) as worker:
        worker.ready()
        begun = time.monotonic()
        worker.call("balances")
        refilled = LINES_PER_S * (time.monotonic() - begun) + 1
        # Each line that is let through again is told with the count of those before it.
        assert LINES_BURST <= len(worker.logs) <= LINES_BURST + 2 * refilled
        assert len(worker.logs) < 10_000
        assert all(len(line.text) <= 1000 for line in worker.logs)


def test_a_plugin_that_prints_from_another_thread_is_heard(tmp_path: Path) -> None:
    method = """
async def balances(self):
    import threading
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    return ()
"""
    with a_worker(tmp_path, an_exchange(method)) as worker:
        worker.ready()
        worker.call("balances")
        worker.send(Ping())
        assert worker.logged("from a thread") or isinstance(worker.receive(), Pong)


def test_prints_do_not_touch_the_channel(tmp_path: Path) -> None:
    method = "async def balances(self):\n    os.write(1, b'x'); os.write(2, b'x'); sys.stdout.flush()\n    return ()"
    with a_worker(tmp_path, an_exchange(method)) as worker:
        worker.ready()
        assert worker.call("balances") == []


def test_a_record_that_cannot_be_read_harms_nobody(tmp_path: Path) -> None:
    method = """
async def balances(self):
    class Nasty:
        def __str__(self): raise RuntimeError("private")
    self.context.logger.info("%s", Nasty())
    self.context.logger.info("%d", "no number")
    return ()
"""
    with a_worker(tmp_path, an_exchange(method)) as worker:
        worker.ready()
        assert worker.call("balances") == []
        assert worker.said().count("a log record that cannot be read") == 2
        assert "private" not in worker.said()


class Clock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def texts(lines: list[Logged]) -> list[str]:
    return [line.text for line in lines]


def test_what_was_left_out_is_told_with_the_next_line() -> None:
    clock = Clock()
    output = Output(Redactor(), clock)
    for number in range(LINES_BURST + 7):
        output.say(logging.INFO, str(number))
    assert len(output.waiting()) == LINES_BURST
    clock.now += 1
    output.say(logging.INFO, "later")
    assert texts(output.waiting()) == ["7 lines were left out: too many at once", "later"]


def test_lines_are_put_together_and_a_line_without_end_is_cut() -> None:
    output = Output(Redactor(["sesame"]), Clock())
    writer = LineWriter(output, logging.INFO)
    assert [writer.write(part) for part in ("op", "en ses", "ame\n\n  \nnext", "\n")] == [2, 6, 12, 1]
    for _ in range(100):
        writer.write("x" * 10_000)
    writer.write("\n")
    first, second, third = texts(output.waiting())
    assert (first, second, third) == ("open [secret]", "next", "x" * 1000)


def test_a_line_from_another_thread_is_sent_by_the_loops_own() -> None:
    sent: list[object] = []

    async def hear() -> None:
        output = Output(Redactor(), Clock())
        output.attach(sent.append)
        thread = threading.Thread(target=output.say, args=(logging.INFO, "from a thread"))
        thread.start()
        thread.join()
        assert sent == []
        await asyncio.sleep(0)

    asyncio.run(hear())
    assert sent == [Logged(level=logging.INFO, text="from a thread")]
