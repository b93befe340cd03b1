"""A core of a few lines: starts a real worker process with a plugin that the test wrote, and speaks frames by hand."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from readytrader_sdk.instruments import Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId, OrderRequest, OrderType, Side

from appliance.domain.decision import Action, Permit, SignedPermit
from appliance.domain.intents import RequestId, digest
from appliance.plugin_host.frames import LinkBroken, read_frame, write_frame
from appliance.plugin_host.gate import Movable, PermitSigner
from appliance.plugin_host.kinds import METHODS, Kind
from appliance.plugin_host.messages import (
    Call,
    Credit,
    Ended,
    Failed,
    Fault,
    FromCore,
    FromWorker,
    Halted,
    Items,
    Logged,
    Ready,
    Refused,
    Returned,
    Start,
    encode,
    encode_value,
)
from appliance.plugin_host.specs import BuiltIn, Rights, WorkerSpec

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
"""No worker takes so long; a test that waits for it fails instead of hanging."""
SIGNER = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_SIGNER = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
VENUE = VenueId("binance")
BTC = Symbol("BTC/USDT")

_decode = msgspec.msgpack.Decoder(FromWorker).decode
_numbers = count(1)


class Worker:
    """A started worker process, as its core sees it."""

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, spec: WorkerSpec) -> None:
        self.process = process
        self.channel = channel
        self.spec = spec
        self.logs: list[Logged] = []
        self._ids = count(1)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.channel.close()
        self.process.kill()
        self.process.wait()

    # frames

    def send(self, message: FromCore) -> None:
        write_frame(self.channel, encode(message))

    def receive(self) -> FromWorker:
        """The next message that is not a line of the log; those are kept in `logs`."""
        while True:
            message: FromWorker = _decode(read_frame(self.channel))
            if not isinstance(message, Logged):
                return message
            self.logs.append(message)

    def logged(self, text: str) -> Logged:
        """The first line of the log that holds this text, waited for."""
        while True:
            for line in self.logs:
                if text in line.text:
                    return line
            message = _decode(read_frame(self.channel))
            assert isinstance(message, Logged), message
            self.logs.append(message)

    def said(self) -> str:
        """All that was logged until now."""
        return "\n".join(line.text for line in self.logs)

    # life

    def start(self) -> Ready | Refused:
        self.send(Start(spec=self.spec))
        word = self.receive()
        assert isinstance(word, Ready | Refused), word
        return word

    def ready(self, *, halted: bool = False) -> Ready:
        word = self.start()
        assert isinstance(word, Ready), word
        self.send(Halted(halted=halted))
        return word

    def refused(self) -> str:
        """Why it refused; it has ended then."""
        word = self.start()
        assert isinstance(word, Refused), word
        assert self.process.wait(PATIENCE_S) == 1
        return word.reason

    def exit_code(self) -> int:
        """Of a worker that ends by itself."""
        return self.process.wait(PATIENCE_S)

    def is_gone(self) -> bool:
        """Whether the worker closed its end, whatever it says before that."""
        try:
            while True:
                read_frame(self.channel)
        except (LinkBroken, ConnectionResetError):
            return True

    # calls

    def ask(self, method: str, *args: object, permit: SignedPermit | None = None, timeout_s: float = 20) -> int:
        call_id = next(self._ids)
        streams = METHODS[self.spec.kind, method].streams
        self.send(
            Call(
                call_id=call_id,
                method=method,
                args=encode_value(args),
                timeout_s=0 if streams else timeout_s,
                permit=permit,
            )
        )
        return call_id

    def answer(self, call_id: int) -> Returned | Failed | Items | Ended:
        """The answer, without the times at which it was worked on."""
        message = self.timed_answer(call_id)
        if isinstance(message, Returned | Failed):
            return msgspec.structs.replace(message, began_ns=0, ended_ns=0)
        return message

    def timed_answer(self, call_id: int) -> Returned | Failed | Items | Ended:
        message = self.receive()
        assert isinstance(message, Returned | Failed | Items | Ended), message
        assert message.call_id == call_id
        return message

    def call(self, method: str, *args: object, permit: SignedPermit | None = None, timeout_s: float = 20) -> Any:
        """The result, decoded without a type."""
        message = self.answer(self.ask(method, *args, permit=permit, timeout_s=timeout_s))
        assert isinstance(message, Returned), message
        return msgspec.json.decode(message.value)

    def fails(
        self, method: str, *args: object, permit: SignedPermit | None = None, timeout_s: float = 20
    ) -> tuple[Fault, str]:
        message = self.answer(self.ask(method, *args, permit=permit, timeout_s=timeout_s))
        assert isinstance(message, Failed), message
        return message.fault, message.text

    def stream(self, method: str, *args: object, credit: int) -> int:
        call_id = self.ask(method, *args)
        self.send(Credit(call_id=call_id, items=credit))
        return call_id

    def place(self, order: OrderRequest | None = None) -> Any:
        order = order or an_order()
        return self.call("place_order", order, permit=a_permit(order))


@contextmanager
def a_worker(
    folder: Path,
    code: str,
    *,
    kind: Kind = Kind.EXCHANGE,
    secrets: Mapping[str, str] | None = None,
    argument: str | None = None,
    descriptors: tuple[int, ...] = (),
    environment: Mapping[str, str] | None = None,
    **changes: Any,
) -> Iterator[Worker]:
    """A worker process that waits for `Start`, of a plugin module with this code.

    `argument` is the name on its command line, `changes` are fields of its spec.
    """
    modules = folder / "modules"
    modules.mkdir(exist_ok=True)
    number = next(_numbers)
    (modules / f"plugin_{number}.py").write_text(code)
    spec = WorkerSpec(
        name="acme",
        plugin="acme",
        kind=kind,
        kinds_granted=(kind,),
        package=BuiltIn(module=f"plugin_{number}"),
        settings={},
        rights=Rights(secrets=tuple(secrets or ())),
        state_folder=str(private(folder / "state")),
        secrets_folder=str(with_secrets(folder / "secrets", secrets or {})),
        cage_required=(),
        permit_key=SIGNER.public_key.public_bytes_raw(),
        venue=VENUE if kind is Kind.EXCHANGE else "",
    )
    spec = msgspec.structs.replace(spec, **changes)
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENCE_S)
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-s", "-P", "-m", "appliance", "plugin-host", argument or spec.name,
                 "--channel", str(theirs.fileno())],
                env={"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}:{modules}", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *descriptors),
            )  # fmt: skip
        with Worker(process, ours, spec) as worker:
            yield worker


def private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def with_secrets(folder: Path, secrets: Mapping[str, str]) -> Path:
    private(folder)
    for name, value in secrets.items():
        path = folder / name
        path.write_text(value)
        path.chmod(0o600)
    return folder


def an_order(number: int = 1, **changes: Any) -> OrderRequest:
    order = OrderRequest(
        client_order_id=ClientOrderId(f"rt{number}"),
        venue=VENUE,
        symbol=BTC,
        side=Side.BUY,
        quantity=Decimal("0.01"),
        order_type=OrderType.MARKET,
        price_worst=Decimal("51000"),
    )
    return msgspec.structs.replace(order, **changes)


def a_permit(
    payload: Movable, action: Action = Action.PLACE, signer: PermitSigner = SIGNER, **changes: Any
) -> SignedPermit:
    now = datetime.now(UTC)
    permit = Permit(
        request_id=RequestId(payload.client_order_id),
        action=action,
        venue=VENUE,
        payload_digest=digest(payload),
        issued_at=now,
        expires_at=now + timedelta(seconds=30),
    )
    return signer.sign(msgspec.structs.replace(permit, **changes))


def a_plugin(hook: str, methods: str, base: str = "", top: str = "") -> str:
    """The code of a plugin whose class has these methods, indented or not."""
    body = "\n".join(f"    {line}" for line in methods.strip("\n").splitlines())
    plugin = f"class Acme{'(Base)' if base else ''}:\n{body or '    ...'}\n"
    registration = f"@hookimpl\ndef {hook}():\n    return {{'acme': Acme}}\n"
    return "\n".join((IMPORTS, top, base, plugin, registration))


def an_exchange(methods: str = "", top: str = "") -> str:
    """An exchange on which everything works, but for what these methods change."""
    return a_plugin("register_exchanges", methods, EXCHANGE, top)


def a_source(methods: str, top: str = "") -> str:
    """A data source with these methods; `instruments` is there."""
    return a_plugin("register_data_sources", methods, SOURCE, top)


IMPORTS = """
import asyncio, base64, os, socket, sys, time
from datetime import UTC, datetime
from decimal import Decimal
from readytrader_sdk.errors import *
from readytrader_sdk.hooks import hookimpl
from readytrader_sdk.instruments import *
from readytrader_sdk.market import *
from readytrader_sdk.orders import *
from readytrader_sdk.ports import *

NOW = datetime(2026, 1, 1, tzinfo=UTC)

def report(order_id, **rest):
    return ExecutionReport(client_order_id=order_id, state=OrderState.OPEN, reported_at=NOW, **rest)

def instrument(**rest):
    rules = dict.fromkeys(("price_increment", "quantity_increment", "quantity_min", "notional_min"), Decimal("0.1"))
    return Instrument(symbol="BTC/USDT", base="BTC", quote="USDT", **(rules | rest))

def quote(number=0, **rest):
    return Quote(**({"symbol": "BTC/USDT", "bid": Decimal(1), "ask": Decimal(2), "observed_at": NOW,
                     "sequence": number} | rest))
"""

EXCHANGE = """
class Base:
    def __init__(self, context):
        self.context = context
        self.placed = []
    async def instruments(self):
        return (instrument(),)
    async def place_order(self, order):
        self.placed.append(order.client_order_id)
        return report(order.client_order_id)
    async def cancel_order(self, client_order_id, symbol):
        return report(client_order_id)
    async def find_order(self, client_order_id, symbol):
        return None
    async def open_orders(self):
        return [report(name) for name in self.placed]
    async def balances(self):
        return ()
"""

SOURCE = """
class Base:
    def __init__(self, context):
        self.context = context
    def instruments(self):
        return ()
"""
