"""The words of the cage: which measures there are, who is caged, what was found, and the one refusal."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

ON = "on"


class Measure(StrEnum):
    """One wall of the cage; the value is what the configuration and reports say."""

    NO_NEW_PRIVILEGES = "no_new_privileges"
    CAPABILITIES = "capabilities_dropped"
    LANDLOCK_FILES = "landlock_files"
    LANDLOCK_TCP = "landlock_tcp"
    LANDLOCK_SCOPES = "landlock_scopes"
    SECCOMP = "seccomp"
    RLIMITS = "rlimits"
    NOT_DUMPABLE = "not_dumpable"
    NO_CORE_DUMPS = "no_core_dumps"
    MEMORY_DENY_WRITE_EXECUTE = "memory_deny_write_execute"


class Profile(StrEnum):
    """Who goes into the cage."""

    WORKER = "worker"
    """No socket of its own at all: it talks over descriptors that it was given."""
    BROKER = "broker"
    """The egress broker: TCP outward and DNS, but no listening."""


class CageReport(Struct, frozen=True, kw_only=True):
    """What stands, measure by measure."""

    measures: Mapping[str, str]
    """`on`, or the reason why not, which names what the kernel lacks."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The measures that are not to be had here."""
        return tuple(name for name, state in self.measures.items() if state != ON)


class CageRefused(Exception):
    """The cage does not close as it must. The message names the measure, and what was wrong."""
