"""What the checks look at: one home, its configuration, the host around it, and the daemon's own word if it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from appliance.config import Configuration, ConfigurationError, Problem, load
from appliance.home import Home
from appliance.transport.operator_client import NoDaemon, OperatorClient, OperatorRefused
from appliance.transport.operator_results import StatusView


class Word(Struct, frozen=True, kw_only=True):
    """What the daemon says, or why it says nothing."""

    status: StatusView | None = None
    silence: str = ""


class Host:
    """Everything is looked at once and then remembered. Nothing here changes anything."""

    def __init__(
        self,
        home: Home,
        config_path: Path | None,
        environ: Mapping[str, str],
        now: datetime,
        *,
        full: bool = False,
        root: Path = Path("/"),
    ) -> None:
        """`full` reads the whole journal; `root` is where `/proc` and `/sys` are looked for."""
        self.home = home
        self.config_path = config_path
        self.environ = environ
        self.now = now
        self.full = full
        self.root = root

    @cached_property
    def loaded(self) -> Configuration | tuple[Problem, ...]:
        """The configuration, or everything that is wrong with it."""
        try:
            return load(self.config_path, self.environ)
        except ConfigurationError as fault:
            return fault.problems

    @property
    def configuration(self) -> Configuration | None:
        """None where it cannot be used."""
        return None if isinstance(self.loaded, tuple) else self.loaded

    @cached_property
    def word(self) -> Word:
        """The daemon's word on how it is."""
        try:
            with OperatorClient(self.home.operator_socket) as client:
                return Word(status=client.status())
        except (NoDaemon, OperatorRefused) as fault:
            return Word(silence=str(fault))

    @property
    def status(self) -> StatusView | None:
        """None where no daemon answers."""
        return self.word.status

    @contextmanager
    def as_owner(self) -> Iterator[None]:
        """As root, look as the home's owner does: a worker takes the secrets of its own user, and of nobody else."""
        owner = self.home.root.stat() if self.home.root.exists() else None
        if os.geteuid() != 0 or owner is None or owner.st_uid == 0:
            yield
            return
        os.seteuid(owner.st_uid)
        try:
            yield
        finally:
            os.seteuid(0)

    def read(self, path: str) -> str | None:
        """A file of the kernel's, e.g. `proc/swaps`; None where it cannot be read."""
        try:
            return (self.root / path).read_text()
        except OSError:
            return None
