"""What one worker did with its way out, counted within bounds: a hostile one cannot make its page longer."""

from __future__ import annotations

from collections.abc import Callable

from appliance.plugin_host.egress.wire import EgressCounts, Refusal

TARGETS_MAX = 64
"""So many refused targets are counted each by its own name."""
OTHERS = "others"
UNTOLD_MAX = 3
"""So many refusals are told between two reports; the rest is only counted."""


class Ledger:
    """The counts of one worker; outlives its channel."""

    def __init__(self, name: str, on_change: Callable[[], None]) -> None:
        """`on_change` is called with every change, and must be quick."""
        self._name = name
        self._on_change = on_change
        self._opened = 0
        self._open_now = 0
        self._bytes_out = 0
        self._bytes_in = 0
        self._refused = 0
        self._refused_by_target: dict[str, int] = {}
        self._last_refusal = ""
        self._untold: list[Refusal] = []

    @property
    def counts(self) -> EgressCounts:
        """The counts as of now."""
        return EgressCounts(
            opened=self._opened,
            open_now=self._open_now,
            bytes_out=self._bytes_out,
            bytes_in=self._bytes_in,
            refused=self._refused,
            refused_by_target=dict(self._refused_by_target),
            last_refusal=self._last_refusal,
        )

    def take_untold(self) -> list[Refusal]:
        """The refusals to tell, each once."""
        taken, self._untold = self._untold, []
        return taken

    def opened(self) -> None:
        """A connection was made."""
        self._opened += 1
        self._open_now += 1
        self._on_change()

    def closed(self) -> None:
        """A connection that was made is gone."""
        self._open_now -= 1
        self._on_change()

    def moved_out(self, count: int) -> None:
        """So many bytes were read from the worker."""
        self._bytes_out += count
        self._on_change()

    def moved_in(self, count: int) -> None:
        """So many bytes were read from the outside."""
        self._bytes_in += count
        self._on_change()

    def refused(self, target: str, reason: str) -> None:
        """A connection was not allowed. Both texts are printable and short already."""
        self._refused += 1
        self._last_refusal = f"{target}: {reason}"
        known = self._refused_by_target
        counted = target if target in known or len(known) < TARGETS_MAX else OTHERS
        known[counted] = known.get(counted, 0) + 1
        if len(self._untold) < UNTOLD_MAX:
            self._untold.append(Refusal(name=self._name, target=target, reason=reason))
        self._on_change()
