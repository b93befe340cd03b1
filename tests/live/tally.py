"""What simulations have really seen: steps, faults, crash points. Printed, and kept where `SIMULATION_REPORT` says."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from appliance.local_exchange.faults import Fault


class Tally:
    """Adds up over all runs of one lane."""

    def __init__(self, lane: str) -> None:
        self.lane = lane
        self.counted: Counter[str] = Counter()
        self.seen: Counter[Fault] = Counter()
        self._begun = time.monotonic()

    def add(self, counted: Mapping[str, int], faults: Mapping[str, int]) -> None:
        """Take in what one life has seen."""
        self.counted.update(counted)
        self.seen.update({Fault(name): count for name, count in faults.items()})

    @property
    def steps(self) -> int:
        """How many were made."""
        return sum(count for name, count in self.counted.items() if name.startswith("step "))

    def report(self) -> str:
        """Everything counted, as text."""
        seconds = time.monotonic() - self._begun
        lines = [
            f"{self.lane}: {self.steps} steps in {seconds:.0f} s, {self.steps / seconds:.0f} a second",
            *(f"  {count:>8}  fault {fault}" for fault, count in sorted(self.seen.items())),
            *(f"  {count:>8}  {name}" for name, count in sorted(self.counted.items())),
        ]
        return "\n".join(lines)

    def tell(self) -> None:
        """Print the report; add it to the file that the environment names."""
        text = self.report()
        print(f"\n{text}")  # noqa: T201 - it is for who reads the run
        path = os.environ.get("SIMULATION_REPORT")
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text + "\n")
