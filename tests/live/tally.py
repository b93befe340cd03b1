"""What simulations have really seen: steps, faults, crash points."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from appliance.local_exchange.faults import Fault


class Tally:
    """Adds up over all runs of one lane."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.counted: Counter[str] = Counter()
        self.seen: Counter[Fault] = Counter()
        self._begun = self._last = time.monotonic()

    def add(self, counted: Mapping[str, int], faults: Mapping[str, int]) -> None:
        """Take in what one life has seen."""
        self._last = time.monotonic()
        self.counted.update(counted)
        self.seen.update({Fault(name): count for name, count in faults.items()})

    @property
    def steps(self) -> int:
        """How many were made."""
        return sum(count for name, count in self.counted.items() if name.startswith("step "))

    def report(self) -> str:
        """Everything counted, as text."""
        seconds = self._last - self._begun
        lines = [
            f"{self.lane}: {self.steps} steps in {seconds:.0f} s, {self.steps / seconds:.0f} a second",
            *(f"  {count:>8}  fault {fault}" for fault, count in sorted(self.seen.items())),
            *(f"  {count:>8}  {name}" for name, count in sorted(self.counted.items())),
        ]
        return "\n".join(lines)
