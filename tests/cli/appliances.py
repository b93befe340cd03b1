"""The program as its users start it: real processes, real signals, in a home of their own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import Signals
from typing import IO, Any

from tests.cli.agents import LEGACY, Agent

ROOT = Path(__file__).parents[2]
VERB_WAIT_MAX_S = 60
START_WAIT_MAX_S = 30
END_WAIT_MAX_S = 15
PROGRAM = ("-m", "appliance")
FORWARD = """\
import sys
from datetime import timedelta
from appliance import bootstrap
from appliance.cli.main import run
now = bootstrap.utc_now
bootstrap.build.__defaults__ = (lambda: now() + timedelta(days={days}), None, None)
sys.exit(run())
"""
"""The same program with another clock."""
PLAIN = """\
[agent]
http_port = 0
[operator_http]
port = 0
[[source]]
name = "sample"
plugin = "sample"
priority = 2
settings = {history_minutes = "0"}
"""
"""The defaults, without the minutes of made-up history that no test here looks at, and on any free port."""


class Process:
    """A process of the program that keeps running, and what it says on standard error."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stderr is not None
        self.popen = popen
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._ended = False
        self._listener = threading.Thread(target=self._listen, args=(popen.stderr,), daemon=True)
        self._listener.start()

    @property
    def said(self) -> str:
        """Its standard error so far."""
        return "\n".join(self.lines)

    def wait_for(self, text: str) -> str:
        """The first line with this text, once it is there."""

        def found() -> bool:
            return self._ended or any(text in line for line in self.lines)

        with self._said:
            self._said.wait_for(found, START_WAIT_MAX_S)
        matching = [line for line in self.lines if text in line]
        assert matching, f"no line with {text!r} in:\n{self.said}"
        return matching[0]

    def send(self, number: Signals) -> None:
        self.popen.send_signal(number)

    def end(self, number: Signals | None = Signals.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        if number is not None:
            self.send(number)
        code = self.popen.wait(END_WAIT_MAX_S)
        self._listener.join(END_WAIT_MAX_S)
        return code

    def _listen(self, stream: IO[bytes]) -> None:
        for line in stream:
            with self._said:
                self.lines.append(line.decode().rstrip("\n"))
                self._said.notify_all()
        stream.close()
        with self._said:
            self._ended = True
            self._said.notify_all()


class Child(Process):
    """`readytrader mcp`, and the agent that started it."""

    def __init__(self, popen: subprocess.Popen[bytes], revision: str) -> None:
        super().__init__(popen)
        assert popen.stdin is not None
        assert popen.stdout is not None
        self.agent = Agent(popen.stdout.fileno(), popen.stdin.fileno(), revision)

    def leave(self) -> int:
        """Close the agent's end, as a host does; the exit code."""
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        return self.end(None)


class Appliance:
    """A home, and the program run in it."""

    def __init__(self, folder: Path, command: Sequence[str] = (sys.executable, *PROGRAM)) -> None:
        """`command` is what is run, before its arguments."""
        self.folder = folder
        self.command = command
        self.home = folder / "home"
        self.journal = self.home / "journal.db"
        self.halt_file = self.home / "halt"
        self.run_folder = self.home / "run"
        self._started: list[subprocess.Popen[bytes]] = []
        self._connections: list[socket.socket] = []

    def configure(self, more: str = "") -> None:
        """Write a configuration; keys at its top level belong to the front of `more`."""
        self.home.mkdir(mode=0o700, exist_ok=True)
        (self.home / "readytrader.toml").write_text(more + "\n" + PLAIN)

    def environment(self, **more: str) -> dict[str, str]:
        """A clean one: the program refuses variables that it does not know."""
        paths = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {**kept, "PYTHONPATH": paths, "READYTRADER_HOME": str(self.home), **more}

    def run(self, *verb: str, said: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one verb to its end, with `said` as its standard input."""
        return subprocess.run(
            [*self.command, *verb],
            env=self.environment(**environment),
            cwd=self.folder,
            input=said or "",
            capture_output=True,
            text=True,
            timeout=VERB_WAIT_MAX_S,
            check=False,
        )

    def done(self, *verb: str, said: str | None = None, **environment: str) -> str:
        """Run a verb that must succeed; what it prints."""
        finished = self.run(*verb, said=said, **environment)
        assert finished.returncode == 0, finished
        return finished.stdout

    def json(self, *verb: str) -> Any:
        """Run a verb with `--json`; what it prints, decoded."""
        return json.loads(self.done(*verb, "--json"))

    def serve(self, log_level: str = "info", *, shift_days: int = 0) -> Process:
        """Start the daemon, with its clock set forward by so many days, and wait until it listens."""
        command = [sys.executable, "-c", FORWARD.format(days=shift_days)] if shift_days else None
        daemon = Process(self._start("serve", "--log-level", log_level, command=command))
        daemon.wait_for("  operators  ")
        return daemon

    def mcp(self, token: str | None = None, revision: str = LEGACY, *, handshake: bool = True) -> Child:
        """Start `readytrader mcp` as an agent's host does."""
        environment = {} if token is None else {"READYTRADER_AGENT_TOKEN": token}
        child = Child(self._start("mcp", **environment), revision)
        if handshake and revision == LEGACY:
            child.agent.handshake()
        return child

    def connect(self) -> Agent:
        """Connect to the agent socket without a bridge in between."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.run_folder / "agent.sock"))
        self._connections.append(connection)
        agent = Agent(connection.fileno(), connection.fileno())
        agent.send({"readytrader": 1, "token": None})
        assert agent.receive() == {"readytrader": 1, "agent": "local"}
        return agent

    def add_agent(self, name: str, *options: str) -> str:
        """Add an agent; its token."""
        token = self.json("agent", "add", name, *options)["token"]
        assert isinstance(token, str)
        return token

    def kill_all(self) -> None:
        """End everything that was started here."""
        for connection in self._connections:
            connection.close()
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _start(self, *verb: str, command: Sequence[str] | None = None, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*(command or self.command), *verb],
            env=self.environment(**environment),
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(process)
        return process


@contextmanager
def new_appliance(more: str = "", command: Sequence[str] = (sys.executable, *PROGRAM)) -> Iterator[Appliance]:
    """A configured home in a folder with a short name: a socket's path holds 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    fresh = Appliance(folder, command)
    fresh.configure(more)
    try:
        yield fresh
    finally:
        fresh.kill_all()
        shutil.rmtree(folder)
