"""A plugin host on a loop of its own, in a home with everything worth attacking; tests ask it from outside.

The core here is the test's own process: what it holds is protected by the workers' cage alone, not by what `serve`
hardens itself with.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from readytrader_sdk.errors import PluginError
from readytrader_sdk.ports import Notice, Severity

from appliance.home import Home
from appliance.plugin_host import cage
from appliance.plugin_host.catalog import worker_specs
from appliance.plugin_host.entries import InstalledPlugin, Instance
from appliance.plugin_host.gate import PermitSigner
from appliance.plugin_host.health import Patience, WorkerState
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.remote import RemoteNotifier
from appliance.plugin_host.supervisor import Worker
from tests.wheels.building import placed, plugin_wheel, signed

HERE = Path(__file__).parent
BOUND_S = 60.0
SIGNER = PermitSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SECRET = ctypes.create_string_buffer(b"secret of the core")
"""In the memory of this process."""

T = TypeVar("T")


class Configured(Struct, frozen=True):
    """What is installed and what runs, with every measure demanded that this kernel has."""

    plugins: tuple[InstalledPlugin, ...] = ()
    instances: tuple[Instance, ...] = ()

    @property
    def cage_required(self) -> Sequence[str]:
        return [name for name, state in cage.available().measures.items() if state == "on"]


class Stage:
    """A home, and the workers in it. Everything that touches a worker runs on the stage's own loop."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.configured = Configured()
        self.host: PluginHost
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage")
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What a coroutine returns or raises, on the stage's loop."""
        return self.begin(work).result(BOUND_S)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine on the stage's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Callable[[], None]) -> None:
        """Call a plain function on the stage's loop."""

        async def calling() -> None:
            work()

        self.run(calling())

    def worker(self, name: str) -> Worker:
        return self.host[name]

    def install(
        self, name: str, files: Mapping[str, str], kinds: Sequence[Kind], secrets: Sequence[str] = ()
    ) -> InstalledPlugin:
        """A wheel with a package of this name, signed, verified and placed."""
        code = dict(files)
        built = plugin_wheel(
            self.home.root / "built",
            code.pop("__init__.py"),
            files={f"{name}/{path}": text for path, text in code.items()},
            name=name,
            claims=claims(kinds, secrets),
        )
        package = placed(self.home.root, signed(self.home.root / "built", built), name=name)
        entry = InstalledPlugin(
            name=name, wheel=package.wheel, version="1.0", sha256=package.sha256[package.wheel],
            publisher=package.publisher, kinds=tuple(kinds), secrets=tuple(secrets),
        )  # fmt: skip
        self.configured = Configured((*self.configured.plugins, entry), self.configured.instances)
        return entry

    def instance(
        self, kind: Kind, name: str, plugin: str, secrets: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        """One worker to be."""
        made = Instance(kind=kind, name=name, plugin=plugin, settings=more.pop("settings", {}), **more)
        self.configured = Configured(self.configured.plugins, (*self.configured.instances, made))
        folder = self.home.secrets / name
        folder.mkdir(mode=0o700, exist_ok=True)
        for secret, text in (secrets or {}).items():
            (folder / secret).touch(mode=0o600)
            (folder / secret).write_text(text + "\n")

    def start(self, patience: Patience | None = None, *, wait: bool = True) -> None:
        """Start every worker, and wait for them."""

        async def starting() -> None:
            self.host = PluginHost(lambda: datetime.now(UTC), ())
            if patience is not None:
                self.host._workers._patience = patience
            await self.host.open()
            self.host.add(worker_specs(self.configured, self.home, SIGNER.public_key.public_bytes_raw()))
            await self.host.start()
            if wait:
                async with asyncio.timeout(BOUND_S):
                    for instance in self.configured.instances:
                        await self.host[instance.name].up()

        self.run(starting())

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that comes by itself."""

        async def waiting() -> None:
            async with asyncio.timeout(BOUND_S / 2):
                while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
                    await asyncio.sleep(0.002)

        self.run(waiting())

    def ready(self, name: str, restarts: int = 0) -> None:
        """Wait until a worker is ready, and was restarted so often at least."""
        worker = self.worker(name)
        self.until(lambda: worker.state is WorkerState.READY and worker.health().restarts >= restarts)

    def notify(self, name: str, subject: str, text: str = "") -> str:
        """What a notifier's error says of a notice, or nothing."""
        try:
            self.run(RemoteNotifier(self.worker(name)).notify(notice(subject, text)))
        except PluginError as error:
            return str(error)
        return ""

    def close(self) -> None:
        if hasattr(self, "host"):
            self.run(self.host.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def claims(kinds: Sequence[Kind], secrets: Sequence[str] = ()) -> str:
    """What a publisher claims: no hosts."""
    written = ", ".join(f'"{kind}"' for kind in kinds)
    needed = ", ".join(f'"{secret}"' for secret in secrets)
    return f"api = 1\nkinds = [{written}]\nhosts = []\nsecrets = [{needed}]\nfile_settings = []\n"


def notice(subject: str, text: str = "") -> Notice:
    return Notice(notice_id="1", severity=next(iter(Severity)), subject=subject, text=text, at=datetime.now(UTC))


@contextmanager
def new_stage() -> Iterator[Stage]:
    """In a folder with a short name: a socket's path holds 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    home = Home(folder / "home")
    home.prepare()
    stage = Stage(home)
    try:
        yield stage
    finally:
        stage.close()
        shutil.rmtree(folder)


@contextmanager
def targets(home: Home) -> Iterator[dict[str, str]]:
    """What is worth attacking in a home and around it, and where it is."""
    outside = home.root.parent / "outside"
    outside.mkdir()
    for name in ("journal.db", "spare.db", "keys/permit.key", "readytrader.toml"):
        (home.root / name).write_text("worth having")
    abstract = f"readytrader-test-{home.root.parent.name}"
    with ExitStack() as closing:
        granted, other, udp = (closing.enter_context(socket.socket(socket.AF_INET, kind)) for kind in (
            socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM
        ))  # fmt: skip
        for bound in (granted, other, udp):
            bound.bind(("127.0.0.1", 0))
        for address in (str(home.operator_socket), f"\0{abstract}"):
            listening = closing.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(address)
            listening.listen()
        datagrams = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        datagrams.bind(str(home.run / "datagrams.sock"))
        granted.listen()
        other.listen()
        yield {
            "core": str(os.getpid()),
            "address": str(ctypes.addressof(SECRET)),
            "home": str(home.root),
            "outside": str(outside),
            "port": str(granted.getsockname()[1]),
            "other_port": str(other.getsockname()[1]),
            "udp": str(udp.getsockname()[1]),
            "abstract": abstract,
        }


def source_of(folder: str, main: str) -> dict[str, str]:
    """The files of a plugin that stands beside this one; `main` is its package itself."""
    files = {path.name: path.read_text() for path in (HERE / folder).glob("*.py")}
    files["__init__.py"] = files.pop(main)
    return files


HONEST = """\
from readytrader_sdk.hooks import hookimpl

class Honest:
    def __init__(self, context):
        self.context = context
        (context.state_folder / "own").write_text("its own")

    async def notify(self, notice):
        assert self.context.secrets["token"] and (self.context.state_folder / "own").read_text() == "its own"

@hookimpl
def register_notifiers():
    return {"honest": Honest}
"""
"""A plugin that does its work."""


def with_sibling(stage: Stage) -> None:
    """Add an honest worker, with a secret and a state folder, which others must not disturb."""
    stage.install("honest", {"__init__.py": HONEST}, [Kind.NOTIFIER], ["token"])
    stage.instance(Kind.NOTIFIER, "sibling", "honest", {"token": "secret of the sibling"})
