"""Data sources: market data in. They only read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from readytrader_sdk.instruments import Instrument
from readytrader_sdk.market import Tick


@runtime_checkable
class DataSourcePort(Protocol):
    """A source of market data. Required of every data-source plugin."""

    def instruments(self) -> Sequence[Instrument]:
        """The instruments that it delivers, with their rules where it knows them; empty where it cannot say.

        Read from what the source has (settings, a recording), not from the network. Timeout 60 s. May be repeated.
        """

    def stream(self) -> AsyncIterator[Tick]:
        """Ticks in the order observed, each with the source's own time: aware, in UTC, never in the future.

        Ends when the source has no more; raises `Unavailable` to be started again with back-off, `Misconfigured` when
        that would not help. No timeout. May be called again after it ended; a cancelled stream closes what it opened.
        """


@runtime_checkable
class PaperOnly(Protocol):
    """Optional: a source whose prices are not a market's of now (made up, or recorded). Refused in live mode."""

    @property
    def paper_only(self) -> str:
        """What to call such prices wherever one is shown, e.g. `sample` or `replay`."""
