"""What is wrong with a configuration: every problem at once, each with its place."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True, order=True):
    """One thing to correct. `text` never holds the value of a secret."""

    where: str
    """`FILE:LINE`, `FILE`, or `env NAME`."""
    setting: str
    """The key in the file or the name of the variable, as it was written."""
    text: str

    def __str__(self) -> str:
        named = self.where == f"env {self.setting}"
        return f"{self.where}: {self.text}" if named else f"{self.where}: {self.setting}: {self.text}"


class ConfigurationError(Exception):
    """The configuration is refused. `problems` holds everything found, the file's before the environment's."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


NAME_MAX = 80


def printable(name: str) -> str:
    """A name from outside, safe for a terminal and a log: plain ASCII, escaped where it is not, and cut when long."""
    shown = in_ascii(name)
    return shown if len(shown) <= NAME_MAX else shown[:NAME_MAX] + "..."


def in_ascii(name: str) -> str:
    """A name as it is, or escaped where a terminal could take it for something else."""
    return name if name.isascii() and name.isprintable() else ascii(name)


class Refusal(ValueError):
    """One value is refused; the message says what was expected and what was seen."""
