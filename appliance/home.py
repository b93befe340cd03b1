"""Where the appliance keeps its things: one folder, owned by the user that runs it, closed to everybody else.

Imports nothing heavy: the bridge asks for the socket's path before anything else is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

HOME_VARIABLE = "READYTRADER_HOME"
CONFIG_VARIABLE = "READYTRADER_CONFIG"
TOKEN_VARIABLE = "READYTRADER_AGENT_TOKEN"  # noqa: S105 - the variable's name, not a token


class HomeRefused(Exception):
    """The folder cannot be used as it is. The message names it, says what is wrong and what was seen."""


class Home:
    """The paths inside the folder."""

    def __init__(self, root: Path, config: Path | None = None) -> None:
        self.root = root
        self.config = config or root / "readytrader.toml"
        self.journal = root / "journal.db"
        self.vkey = root / "journal.vkey"
        self.keys = root / "keys"
        self.checkpoint_key = self.keys / "checkpoint.key"
        self.permit_key = self.keys / "permit.key"
        self.approval_key = self.keys / "approval.key"
        self.session_key = self.keys / "operator-sessions.key"
        self.credentials = root / "operators.db"
        """What proves who an operator is."""
        self.run = root / "run"
        self.agent_socket = self.run / "agent.sock"
        self.operator_socket = self.run / "operator.sock"
        self.core_sign = self.run / "core.alive"
        """The running core's sign of life."""
        self.watchdog_sign = self.run / "watchdog.alive"
        self.watchdog_lock = self.run / "watchdog.lock"
        self.halt_file = root / "halt"
        self.plugins = root / "plugins"
        """Wheels of third parties, one folder per plugin."""
        self.plugin_state = root / "plugin-state"
        """One folder per instance, which its worker alone may write to."""
        self.secrets = root / "secrets"
        """One folder per instance, with one file per secret."""

    @classmethod
    def find(cls, environ: Mapping[str, str], root: Path | None = None, config: Path | None = None) -> Home:
        """The folder named on the command line, in READYTRADER_HOME, or `~/.readytrader`; in this order."""
        folder = root or Path(environ.get(HOME_VARIABLE) or Path.home() / ".readytrader")
        file = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
        return cls(folder.absolute(), file)

    def prepare(self) -> None:
        """Make the folders that are missing, closed to others. Raises `HomeRefused` for one that is open to others."""
        for folder in (self.root, self.keys, self.run, self.plugins, self.plugin_state, self.secrets):
            private_folder(folder)


def private_folder(folder: Path) -> Path:
    """The folder, made if missing, ours and closed to others. Raises `HomeRefused` where it is not."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as fault:
        raise HomeRefused(f"{folder}: cannot be used: {fault.strerror}") from fault
    if found.st_uid != os.geteuid():
        raise HomeRefused(f"{folder}: belongs to uid {found.st_uid}, expected {os.geteuid()}")
    if found.st_mode & 0o077:
        raise HomeRefused(f"{folder}: mode is {found.st_mode & 0o777:o}, expected 700 (chmod 700 {folder})")
    return folder


def read_private(file: Path) -> bytes:
    """What is in a file that only we can read. Raises `HomeRefused` where others can, or it cannot be read."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if found.st_mode & 0o077:
                raise HomeRefused(f"{file}: mode is {found.st_mode & 0o777:o}, expected 600 (chmod 600 {file})")
            return opened.read()
    except OSError as fault:
        raise HomeRefused(f"{file}: cannot be read: {fault.strerror}") from fault
