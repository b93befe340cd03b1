"""Serving: each call is answered once, with what the port promises or with what went wrong, whatever a plugin does."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from appliance.plugin_host.frames import LinkBroken, write_frame
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.messages import (
    Call,
    Cancel,
    Credit,
    Failed,
    Fault,
    FromCore,
    Ping,
    Pong,
    Returned,
    Start,
    encode_value,
)
from appliance.plugin_host.worker.serving import IN_FLIGHT_MAX
from tests.worker.client import BTC, Worker, a_permit, a_source, a_worker, an_exchange, an_order


def finds(*lines: str) -> str:
    """An exchange whose `find_order` is this."""
    return an_exchange("\n".join(("async def find_order(self, order_id, symbol):", *(f"    {line}" for line in lines))))


def places(*lines: str) -> str:
    """An exchange whose `place_order` is this."""
    return an_exchange("\n".join(("async def place_order(self, order):", *(f"    {line}" for line in lines))))


FILL = "Fill(fill_id='1', price=PRICE, quantity=Decimal(1), fee=Decimal(0), fee_asset='BTC', liquidity='maker', filled_at=TIME)"  # noqa: E501 - one expression
REPORT = f"return report(order_id, fills=({FILL},))"


def test_results_come_to_the_last_digit(tmp_path: Path) -> None:
    price = "999999999999999999.000000000000000001"
    code = finds(REPORT.replace("PRICE", f"Decimal('{price}')").replace("TIME", "NOW"))
    with a_worker(tmp_path, code) as worker:
        worker.ready()
        assert worker.call("find_order", "rt1", BTC)["fills"][0]["price"] == price


@pytest.mark.parametrize(
    "price",
    [
        "Decimal('NaN')",
        "Decimal('sNaN')",
        "Decimal('Infinity')",
        "Decimal('1E+999999')",
        "Decimal('1E-19')",
        "Decimal('1000000000000000000')",
        "Decimal('0.' + '1' * 100_000)",
        "1.5",
        "3",
        "'1'",
        "None",
    ],
)
def test_an_amount_that_none_can_be_is_not_passed_on(tmp_path: Path, price: str) -> None:
    with a_worker(tmp_path, finds(REPORT.replace("PRICE", price).replace("TIME", "NOW"))) as worker:
        worker.ready()
        fault, text = worker.fails("find_order", "rt1", BTC)
        assert (fault, text.startswith("find_order gave an amount ")) == (Fault.BROKEN, True), text


@pytest.mark.parametrize("time", ["NOW.replace(tzinfo=None)", "'2026-01-01T00:00:00Z'", "5"])
def test_a_time_without_a_zone_is_not_passed_on(tmp_path: Path, time: str) -> None:
    with a_worker(tmp_path, finds(REPORT.replace("PRICE", "Decimal(1)").replace("TIME", time))) as worker:
        worker.ready()
        assert worker.fails("find_order", "rt1", BTC) == (
            Fault.BROKEN,
            "find_order gave a time that is not in UTC, or says no zone",
        )


@pytest.mark.parametrize(
    "result",
    ["5", "'text'", "object()", "report(5)", "{'client_order_id': 'rt1'}", "report('a', reason=5)", "Decimal(1)",
     "report('\\ud800')"],
)  # fmt: skip
def test_a_result_of_another_type_is_not_passed_on(tmp_path: Path, result: str) -> None:
    with a_worker(tmp_path, finds(f"return {result}")) as worker:
        worker.ready()
        fault, text = worker.fails("find_order", "rt1", BTC)
        assert (fault, text.startswith("find_order gave what its type does not allow")) == (Fault.BROKEN, True), text


def test_the_report_of_another_order_is_for_the_core_to_judge(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds("return report('another')")) as worker:
        worker.ready()
        assert worker.call("find_order", "rt1", BTC)["client_order_id"] == "another"


def test_a_reply_above_what_a_frame_holds_is_not_sent(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds("return report('x' * 9_000_000)")) as worker:
        worker.ready()
        fault, text = worker.fails("find_order", "rt1", BTC)
        assert (fault, "bytes; at most" in text) == (Fault.BROKEN, True)
        assert worker.call("balances") == []


def test_an_order_with_more_fills_than_a_frame_holds_is_not_told_in_part(tmp_path: Path) -> None:
    """The core then knows that it cannot be shown, and closes the venue (`Enquiries._lost`)."""
    one = FILL.replace("PRICE", "Decimal('50000.01')").replace("TIME", "NOW").replace("'1'", "str(n)", 1)
    with a_worker(tmp_path, finds(f"return report(order_id, fills=tuple({one} for n in range(70_000)))")) as worker:
        worker.ready()
        fault, text = worker.fails("find_order", "rt1", BTC)
        assert (fault, "bytes; at most" in text) == (Fault.BROKEN, True)
        assert worker.call("balances") == []


def test_the_longest_reply_that_a_frame_holds_is_sent(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds("return report('x' * (8 * 1024 * 1024 - 1500))")) as worker:
        worker.ready()
        assert len(worker.call("find_order", "rt1", BTC)["client_order_id"]) == 8 * 1024 * 1024 - 1500


@pytest.mark.parametrize(
    ("raised", "fault", "text"),
    [
        ("Unavailable('busy')", Fault.UNAVAILABLE, "busy"),
        ("OutcomeUnknown('no answer')", Fault.OUTCOME_UNKNOWN, "no answer"),
        ("Misconfigured('key: wrong')", Fault.MISCONFIGURED, "key: wrong"),
        ("Unsupported('no such order')", Fault.UNSUPPORTED, "no such order"),
        ("Unavailable('one\\ntwo\\x1b[2J' + 'x' * 9999)", Fault.UNAVAILABLE, "one | two·[2J" + "x" * 287),
        ("ValueError('private text')", Fault.BROKEN, "find_order raised ValueError"),
        ("SystemExit('private text')", Fault.BROKEN, "find_order raised SystemExit"),
        ("KeyboardInterrupt", Fault.BROKEN, "find_order raised KeyboardInterrupt"),
        ("GeneratorExit", Fault.BROKEN, "find_order raised GeneratorExit"),
        ("asyncio.CancelledError", Fault.BROKEN, "find_order raised CancelledError"),
        ("StopIteration", Fault.BROKEN, "find_order raised RuntimeError"),
        ("ExceptionGroup('', [Unavailable('inside')])", Fault.BROKEN, "find_order raised ExceptionGroup"),
    ],
)
def test_what_a_plugin_raises_is_told_as_its_fault(tmp_path: Path, raised: str, fault: Fault, text: str) -> None:
    with a_worker(tmp_path, finds(f"raise {raised}")) as worker:
        worker.ready()
        assert worker.fails("find_order", "rt1", BTC) == (fault, text)
        assert worker.call("balances") == []


def test_where_a_plugin_broke_is_in_the_log_without_its_text(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds("raise ValueError('private text')")) as worker:
        worker.ready()
        worker.fails("find_order", "rt1", BTC)
        line = worker.logged("find_order raised ValueError at ").text
        assert line.endswith(" in find_order")
        assert "private text" not in line


def test_an_error_whose_text_raises_is_told_by_its_type(tmp_path: Path) -> None:
    lines = ("class Nasty(Unavailable):", "    def __str__(self): return 1 / 0", "raise Nasty")
    with a_worker(tmp_path, finds(*lines)) as worker:
        worker.ready()
        assert worker.fails("find_order", "rt1", BTC) == (
            Fault.UNAVAILABLE,
            "Nasty, whose text cannot be read (ZeroDivisionError)",
        )


def test_an_optional_method_that_the_plugin_has_not_is_unsupported(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        assert worker.fails("cancel_all_after", 5) == (Fault.UNSUPPORTED, "this plugin has no cancel_all_after")


def test_calls_run_side_by_side(tmp_path: Path) -> None:
    methods = """
def __init__(self, context):
    super().__init__(context)
    self.told = asyncio.Event()
async def find_order(self, order_id, symbol):
    await self.told.wait()
    return report(order_id)
async def balances(self):
    self.told.set()
    return ()
"""
    with a_worker(tmp_path, an_exchange(methods)) as worker:
        worker.ready()
        first = worker.ask("find_order", "rt1", BTC)
        worker.call("balances")
        assert isinstance(worker.answer(first), Returned)


def begun(worker: Worker) -> int:
    """A call that has reached the plugin, which will not answer it."""
    call_id = worker.ask("find_order", "rt1", BTC)
    worker.send(Ping())
    while not isinstance(worker.receive(), Pong):
        pass
    return call_id


HANGS = ("try:", "    await asyncio.sleep(600)", "finally:", "    print('cancelled')")
SWALLOWS = ("while True:", "    try:", "        await asyncio.sleep(600)", "    except asyncio.CancelledError:",
            "        print('swallowed')")  # fmt: skip


def test_a_call_that_takes_too_long_is_cancelled_and_answered(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds(*HANGS)) as worker:
        worker.ready()
        fault, text = worker.fails("find_order", "rt1", BTC, timeout_s=0.05)
        assert (fault, text) == (Fault.UNAVAILABLE, "find_order: no answer within 0.05 s")
        worker.logged("cancelled")


def test_a_call_that_may_have_moved_value_ends_with_an_unknown_outcome(tmp_path: Path) -> None:
    order = an_order()
    with a_worker(tmp_path, places(*HANGS)) as worker:
        worker.ready()
        fault, text = worker.fails("place_order", order, permit=a_permit(order), timeout_s=0.05)
        assert (fault, text) == (Fault.OUTCOME_UNKNOWN, "place_order: no answer within 0.05 s")


def test_a_cancelled_call_is_answered_once(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds(*HANGS)) as worker:
        worker.ready()
        call_id = begun(worker)
        worker.send(Cancel(call_id=call_id))
        worker.send(Cancel(call_id=call_id))
        assert worker.answer(call_id) == Failed(call_id=call_id, fault=Fault.UNAVAILABLE, text="find_order: cancelled")
        assert worker.call("balances") == []
        assert "raised" not in worker.said()


def test_a_plugin_that_swallows_its_cancellation_keeps_no_place(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds(*SWALLOWS)) as worker:
        worker.ready()
        for _ in range(IN_FLIGHT_MAX + 1):
            call_id = begun(worker)
            worker.send(Cancel(call_id=call_id))
            answer = worker.answer(call_id)
            assert isinstance(answer, Failed)
            assert answer.text == "find_order: cancelled"
        assert worker.call("balances") == []


def test_a_plugin_that_swallows_every_cancellation_is_ended(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds(*SWALLOWS)) as worker:
        worker.ready()
        calls = (worker.send(Cancel(call_id=begun(worker))) for _ in range(10_000))
        with pytest.raises((LinkBroken, OSError)):
            list(calls)
        assert "the worker ends: too many calls outlive their cancellation" in worker.said()
        assert worker.exit_code() == 0


def test_only_so_many_calls_are_in_flight(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds(*HANGS)) as worker:
        worker.ready()
        calls = [worker.ask("find_order", "rt1", BTC) for _ in range(IN_FLIGHT_MAX)]
        assert worker.fails("balances") == (Fault.UNAVAILABLE, "256 calls are in flight already")
        worker.send(Cancel(call_id=calls[7]))
        worker.answer(calls[7])
        assert worker.call("balances") == []


def test_a_source_is_asked_for_its_instruments_beside_the_loop(tmp_path: Path) -> None:
    code = a_source("def instruments(self):\n    time.sleep(600)\nasync def stream(self): yield")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        worker.ready()
        call_id = worker.ask("instruments", timeout_s=0.2)
        worker.send(Ping())
        assert isinstance(worker.receive(), Pong)
        assert worker.answer(call_id) == Failed(
            call_id=call_id, fault=Fault.UNAVAILABLE, text="instruments: no answer within 0.2 s"
        )


def test_a_ping_is_answered_only_while_the_loop_turns(tmp_path: Path) -> None:
    lines = ("print('blocked')", "while not os.path.exists('go'):", "    time.sleep(0.01)", "return report(order_id)")
    with a_worker(tmp_path, finds(*lines)) as worker:
        worker.ready()
        worker.ask("find_order", "rt1", BTC)
        worker.logged("blocked")
        worker.send(Ping())
        worker.channel.settimeout(0.3)
        with pytest.raises(TimeoutError):
            worker.receive()
        worker.channel.settimeout(20)
        (tmp_path / "state" / "go").touch()
        answers = {type(worker.receive()), type(worker.receive())}
        assert answers == {Pong, Returned}


NONSENSE: dict[str, FromCore] = {
    "an unknown method": Call(call_id=1, method="give_all", args=b"[]", timeout_s=5),
    "another kind's method": Call(call_id=1, method="sign_transaction", args=b"[]", timeout_s=5),
    "too many arguments": Call(call_id=1, method="balances", args=b"[1]", timeout_s=5),
    "too few arguments": Call(call_id=1, method="find_order", args=b'["rt1"]', timeout_s=5),
    "arguments of other types": Call(call_id=1, method="find_order", args=b"[1, 2]", timeout_s=5),
    "no JSON": Call(call_id=1, method="balances", args=b"[", timeout_s=5),
    "no timeout": Call(call_id=1, method="balances", args=b"[]", timeout_s=0),
    "no number": Call(call_id=1, method="balances", args=b"[]", timeout_s=math.nan),
    "no credit": Credit(call_id=1, items=0),
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_what_the_core_never_says_ends_the_worker(tmp_path: Path, nonsense: str) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        worker.send(NONSENSE[nonsense])
        assert worker.exit_code() == 2


def test_a_second_start_ends_the_worker(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        worker.send(Start(spec=worker.spec))
        worker.logged("the worker ends: the core sent Start to a worker that is started")
        assert worker.exit_code() == 2


def test_a_number_that_is_in_use_ends_the_worker(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds(*HANGS)) as worker:
        worker.ready()
        call = Call(call_id=1, method="find_order", args=encode_value(("rt1", BTC)), timeout_s=5)
        worker.send(call)
        worker.send(call)
        assert worker.exit_code() == 2


@pytest.mark.parametrize("body", [b"\xc1", b"\x81", b"\x80", b"\x81\xa4type\xa6secret"], ids=repr)
def test_a_malformed_frame_ends_the_worker(tmp_path: Path, body: bytes) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        write_frame(worker.channel, body)
        assert worker.exit_code() == 2


@pytest.mark.parametrize("header", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00"], ids=repr)
def test_a_frame_of_an_impossible_length_ends_the_worker(tmp_path: Path, header: bytes) -> None:
    with a_worker(tmp_path, an_exchange()) as worker:
        worker.ready()
        worker.channel.sendall(header)
        assert worker.is_gone()
        worker.exit_code()


def test_a_result_that_comes_after_the_answer_is_dropped(tmp_path: Path) -> None:
    lines = ("try:", "    await asyncio.sleep(600)", "except asyncio.CancelledError:", "    print('too late')",
             "    return report(order_id)")  # fmt: skip
    with a_worker(tmp_path, finds(*lines)) as worker:
        worker.ready()
        call_id = begun(worker)
        worker.send(Cancel(call_id=call_id))
        assert isinstance(worker.answer(call_id), Failed)
        worker.logged("too late")
        assert worker.call("balances") == []
        assert all(line.text == "too late" for line in worker.logs)


def test_an_answer_says_when_it_was_worked_on(tmp_path: Path) -> None:
    with a_worker(tmp_path, finds("return None")) as worker:
        worker.ready()
        asked = time.monotonic_ns()
        answer = worker.timed_answer(worker.ask("find_order", "rt1", BTC))
        assert isinstance(answer, Returned | Failed)
        assert asked <= answer.began_ns <= answer.ended_ns <= time.monotonic_ns()
