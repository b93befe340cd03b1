"""One broken promise as a value."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old`, which occurs once in `file`, is replaced by `new`; `-k which` of `tests` must then fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str
    which: str = ""
