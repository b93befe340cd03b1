"""A worker that speaks frames by hand and misbehaves as it is told, by its first argument; the rest are the launcher's.

It shares nothing with the product but the wire: four bytes of length, MessagePack, JSON inside.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

Message = dict[str, Any]
REPORT = {"client_order_id": "order-1", "state": "open", "reported_at": "2026-01-01T00:00:00Z"}
NO_REPORT_HAS: dict[str, Any] = {
    "of_another_type": {"bid": "1"},
    "no_json": None,
    "a_state_that_is_none": {**REPORT, "state": "sold"},
}


class Peer:
    """The core, seen from here."""

    def __init__(self, descriptor: int) -> None:
        self.sock = socket.socket(fileno=descriptor)
        self.start = self.read()["spec"]
        self.state = Path(self.start["state_folder"])

    def read(self) -> Message:
        length = int.from_bytes(self._exactly(4), "big")
        message: Message = msgspec.msgpack.decode(self._exactly(length))
        return message

    def _exactly(self, count: int) -> bytes:
        read = b""
        while len(read) < count:
            piece = self.sock.recv(count - len(read))
            if not piece:
                sys.exit(0)
            read += piece
        return read

    def send(self, message: Message) -> None:
        self.raw(msgspec.msgpack.encode(message))

    def raw(self, body: bytes) -> None:
        self.sock.sendall(len(body).to_bytes(4, "big") + body)

    def ready(self, **more: Any) -> None:
        self.send({"type": "ready", "optional_methods": [], "cage": {"seccomp": "on"}, **more})

    def messages(self) -> Iterator[Message]:
        while True:
            yield self.read()

    def calls(self) -> Iterator[Message]:
        """Calls, while pings are answered."""
        for message in self.messages():
            if message["type"] == "call":
                yield message
            elif message["type"] == "ping":
                self.send({"type": "pong"})

    def returned(self, call: Message, value: Any) -> None:
        self.send({"type": "returned", "call_id": call["call_id"], "value": json.dumps(value).encode()})

    def failed(self, call: Message, fault: str, text: str) -> None:
        self.send({"type": "failed", "call_id": call["call_id"], "fault": fault, "text": text})

    def items(self, call: Message, values: list[Any], count: int | None = None) -> None:
        body = json.dumps(values).encode()
        told = len(values) if count is None else count
        self.send({"type": "items", "call_id": call["call_id"], "values": body, "count": told})

    def note(self, text: str) -> None:
        """For the test to read: one line in the state folder."""
        with (self.state / "notes").open("a") as notes:
            notes.write(f"{text}\n")

    def lives(self) -> int:
        """How often a worker has started with this state folder, this time included."""
        self.note("start")
        return (self.state / "notes").read_text().splitlines().count("start")


def honest(peer: Peer) -> None:
    """Answers place_order and find_order with a report, and everything else with nothing."""
    peer.ready()
    for call in peer.calls():
        peer.note(f"{call['method']} {call['args'].decode()}")
        named = call["method"] in ("place_order", "find_order", "cancel_order")
        peer.returned(call, REPORT if named else [])


def tick(number: int) -> Message:
    prices = {"bid": str(number + 1), "ask": str(number + 2)}
    return {"type": "quote", "symbol": "BTC/USDT", "observed_at": "2026-01-01T00:00:00Z", **prices}


def dies_in_flight(peer: Peer) -> None:
    """Notes the call, and is killed; its second life is honest."""
    if peer.lives() > 1:
        honest(peer)
    peer.ready()
    next(peer.calls())
    os.kill(os.getpid(), signal.SIGKILL)


def closes_in_flight(peer: Peer) -> None:
    """Closes its link in a call, and lives on."""
    peer.ready()
    next(peer.calls())
    peer.sock.close()
    time.sleep(600)


def dies_three_times(peer: Peer) -> None:
    """Before it is ready; the fourth life is honest."""
    if peer.lives() < 4:
        sys.exit(7)
    honest(peer)


def refuses(peer: Peer) -> None:
    peer.lives()
    peer.send({"type": "refused", "reason": "settings: no `url`\x1b[2J"})
    peer.messages().__next__()


def never_ready(peer: Peer) -> None:
    peer.lives()
    for _ in peer.messages():
        continue


def never_answers(peer: Peer) -> None:
    """Reads, pongs, notes what it read, and answers no call."""
    peer.ready()
    for message in peer.messages():
        peer.note(f"{message['type']} {message.get('call_id', '')}")
        if message["type"] == "ping":
            peer.send({"type": "pong"})


def answers_late(peer: Peer) -> None:
    """Answers a call only when it was cancelled, and then at once the next."""
    peer.ready()
    calls = []
    for message in peer.messages():
        if message["type"] == "call":
            calls.append(message)
        if message["type"] == "cancel" or len(calls) > 1:
            peer.returned(calls.pop(0), REPORT)


def answers_twice(peer: Peer) -> None:
    peer.ready()
    for call in peer.calls():
        peer.returned(call, REPORT)
        peer.returned(call, REPORT)


def fails(peer: Peer) -> None:
    """With the fault that is the client order ID asked for."""
    peer.ready()
    for call in peer.calls():
        asked = json.loads(call["args"])[0]
        fault = asked if isinstance(asked, str) else asked["client_order_id"]
        peer.failed(call, fault, "it says \x1b[31mred\u202e" + "x" * 10_000)


def answers_what_is_no_report(peer: Peer) -> None:
    """A value that a report cannot have: which, the client order ID says."""
    peer.ready()
    fill = {
        "fill_id": "1", "price": "1", "quantity": "1", "fee": "0", "fee_asset": "USDT", "liquidity": "taker",
        "filled_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    for call in peer.calls():
        which = json.loads(call["args"])[0]
        if which == "no_json":
            peer.send({"type": "returned", "call_id": call["call_id"], "value": b"\xff\xfe{"})
        elif which in NO_REPORT_HAS:
            peer.returned(call, NO_REPORT_HAS[which])
        else:
            peer.returned(call, {**REPORT, "fills": [{**fill, "price": which}]})


def sends(body: Callable[[Peer], object], *, before_ready: bool = False) -> Callable[[Peer], None]:
    """Ready (or not yet), then something at the first call (or at once), then it waits for the end."""

    def behaviour(peer: Peer) -> None:
        peer.lives()
        if not before_ready:
            peer.ready()
            next(peer.calls())
        try:
            body(peer)
            for _ in peer.messages():
                continue
        except OSError:
            peer.note("broken")

    return behaviour


def logs_without_end(peer: Peer) -> None:
    while True:
        peer.send({"type": "logged", "level": 20, "text": "and on"})


def logs_a_little(peer: Peer) -> None:
    peer.send({"type": "logged", "level": 30, "text": "before it is ready"})
    peer.ready()
    peer.send({"type": "logged", "level": 9999, "text": "one\x1b[2J\ntwo\u202e" + "x" * 100_000})
    for call in peer.calls():
        peer.returned(call, REPORT)


def does_not_read(peer: Peer) -> None:
    peer.ready()
    time.sleep(600)


def no_pong(peer: Peer) -> None:
    peer.lives()
    peer.ready()
    time.sleep(600)


def streams_as_credit_allows(peer: Peer) -> None:
    """Ticks 0, 1, 2, … without end, in batches of 64, noting what it was given."""
    peer.ready()
    open_call, credit, number = None, 0, 0
    for message in peer.messages():
        if message["type"] == "call":
            open_call = message
        elif message["type"] == "credit":
            credit += message["items"]
            peer.note(f"credit {message['items']}")
        elif message["type"] == "cancel":
            peer.note("cancel")
            peer.send({"type": "ended", "call_id": message["call_id"]})
            open_call, credit = None, 0
        while open_call is not None and credit:
            batch = min(64, credit)
            peer.items(open_call, [tick(number + step) for step in range(batch)])
            number, credit = number + batch, credit - batch


def streams_and_ends(peer: Peer) -> None:
    peer.ready()
    for call in peer.calls():
        peer.items(call, [tick(0), tick(1)])
        peer.items(call, [tick(2)])
        peer.send({"type": "ended", "call_id": call["call_id"]})


def streams_and_fails(peer: Peer) -> None:
    peer.ready()
    for call in peer.calls():
        peer.items(call, [tick(0)])
        peer.failed(call, "unavailable", "the venue hung up")


def streams_and_dies(peer: Peer) -> None:
    peer.ready()
    peer.items(next(peer.calls()), [tick(0)])
    os.kill(os.getpid(), signal.SIGKILL)


def streams(values: list[Any], count: int) -> Callable[[Peer], None]:
    """Sends this, whatever the credit."""

    def behaviour(peer: Peer) -> None:
        peer.ready()
        for call in peer.calls():
            peer.items(call, values, count)

    return behaviour


def streams_too_many_bytes(peer: Peer) -> None:
    peer.ready()
    for call in peer.calls():
        for _ in range(10):
            peer.items(call, [{**tick(0), "unknown": "x" * 7_000_000}])


def all_optional(peer: Peer) -> None:
    """Has what an exchange can have."""
    methods = [
        "replace_order",
        "transfer",
        "find_transfer",
        "lend",
        "find_lending",
        "cancel_all_after",
        "stream_quotes",
    ]
    peer.ready(optional_methods=methods)
    for call in peer.calls():
        peer.note(f"{call['method']} {call['args'].decode()} {'permit' if call['permit'] else 'no permit'}")
        peer.returned(call, None if call["method"] == "cancel_all_after" else REPORT)


def notes_all(peer: Peer) -> None:
    """Writes down the type of every message."""
    peer.lives()
    peer.ready()
    for message in peer.messages():
        peer.note(f"{message['type']} {message.get('halted', '')}".strip())
        if message["type"] == "call":
            peer.returned(message, REPORT)
            if message["method"] == "cancel_order":
                sys.exit(3)


def looks_around(peer: Peer) -> None:
    """Notes its descriptors, environment and session, before it is ready."""
    peer.note(f"descriptors {sorted(int(name) for name in os.listdir('/proc/self/fd'))}")
    peer.note(f"environment {sorted(os.environ)}")
    peer.note(f"session {os.getsid(0) == os.getpid()}")
    honest(peer)


def signs(peer: Peer) -> None:
    """Returns what it was asked to sign."""
    peer.ready()
    for call in peer.calls():
        peer.note(call["args"].decode())
        peer.returned(call, "c2lnbmVk" if call["method"].startswith("sign") else "0xabc")


BEHAVIOURS: dict[str, Callable[[Peer], None]] = {
    "malformed": sends(lambda peer: peer.raw(b"\xc1nonsense")),
    "nested_deeply": sends(lambda peer: peer.raw(b"\x91" * 100_000)),
    "no_text": sends(lambda peer: peer.raw(b"\x81\xa2\xff\xff\xa1x")),
    "too_long": sends(lambda peer: peer.sock.sendall((1 << 31).to_bytes(4, "big") + b"x" * 100)),
    "empty": sends(lambda peer: peer.sock.sendall(bytes(4))),
    "ready_again": sends(Peer.ready),
    "unasked_pong": sends(lambda peer: peer.send({"type": "pong"})),
    "unknown_call": sends(lambda peer: peer.returned({"call_id": 999}, REPORT)),
    "unknown_stream": sends(lambda peer: peer.items({"call_id": 999}, [tick(0)])),
    "from_the_core": sends(lambda peer: peer.send({"type": "ping"})),
    "logs_without_end": sends(logs_without_end),
    "answer_before_ready": sends(lambda peer: peer.returned({"call_id": 1}, REPORT), before_ready=True),
    "impossible_methods": sends(lambda peer: peer.ready(optional_methods=["sign_transaction"]), before_ready=True),
    "more_items_than_credit": streams([tick(0)] * 2000, 2000),
    "fewer_items_than_said": streams([tick(0)], 2),
    "no_items": streams([], 0),
    "negative_items": streams([], -5),
    "items_of_another_type": streams([{"type": "quote"}], 1),
    "infinite_items": streams([{**tick(0), "ask": "Infinity"}], 1),
}


def run(name: str, channel: int, egress: int | None) -> int:
    """A worker's life, where the fake is a zygote's fork."""
    if name == "crashes":
        raise RuntimeError("with a secret")
    behaviour = BEHAVIOURS.get(sys.argv[1]) or globals()[sys.argv[1]]
    peer = Peer(channel)
    peer.note(f"egress {egress is not None}")
    behaviour(peer)
    return 0


def main() -> None:
    if sys.argv[3] == "--zygote":
        from appliance.plugin_host.zygote import Zygote

        Zygote(socket.socket(fileno=int(sys.argv[4])), run).serve()
        return
    behaviour, _, _, _, descriptor = sys.argv[1:6]
    peer = Peer(int(descriptor))
    (BEHAVIOURS.get(behaviour) or globals()[behaviour])(peer)


if __name__ == "__main__":
    main()
