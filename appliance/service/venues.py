"""Where each order goes: on paper always to the paper venue, live to the venue that it names and to no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.instruments import Instrument, InstrumentStatus, Symbol, VenueId
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.decision import Payload
from appliance.domain.orders import PAPER_ACCOUNT, place_of
from appliance.domain.snapshot import VenueFacts
from appliance.plugin_host.gate import Venue

NOT_YET = "it was not reconciled yet"


class VenueLine:
    """One venue with what is known of it now. `VenueWatch` keeps the knowledge fresh; nobody else writes it."""

    def __init__(self, venue_id: VenueId, venue: Venue) -> None:
        self.venue_id = venue_id
        self.venue = venue
        self.problem: str | None = NOT_YET
        """Why it may be sent nothing but cancels; None while it is fit for orders."""
        self.clock_skew: timedelta | None = None
        self.rules: Mapping[Symbol, Instrument] = {}
        """The venue's own trading rules, as it last told them."""


class Venues:
    """Every place that an order can go to."""

    def __init__(self, *, paper: Venue | None = None, live: Mapping[VenueId, VenueLine] | None = None) -> None:
        """One of the two: with `paper`, that venue stands for all of them."""
        self._paper = paper
        self.live: Mapping[VenueId, VenueLine] = live or {}

    def __iter__(self) -> Iterator[tuple[VenueId, Venue]]:
        """Each venue with the name of the account that we have there."""
        if self._paper is not None:
            yield VenueId(PAPER_ACCOUNT), self._paper
        for venue_id, line in self.live.items():
            yield venue_id, line.venue

    def of(self, payload: Payload) -> Venue:
        """Where a payload goes. Raises `Unsupported` where nothing is connected."""
        if self._paper is not None:
            return self._paper
        line = self.live.get(VenueId(place_of(payload)))
        if line is None:
            raise Unsupported(f"nothing is connected for {place_of(payload)[:64]!r}")
        return line.venue

    def named(self, account: str) -> Venue | None:
        """The venue that an account is at."""
        return next((venue for name, venue in self if name == account), None)

    def facts(self, venue_id: VenueId, symbol: Symbol | None, unsettled: ClientOrderId | None) -> VenueFacts | None:
        """How a venue is, for one instrument; None on paper, and where there is no such venue."""
        line = self.live.get(venue_id)
        if line is None:
            return None
        problem = line.problem
        if problem is None and symbol not in line.rules:
            problem = f"{venue_id} does not trade {symbol}"
        return VenueFacts(problem=problem, clock_skew=line.clock_skew, unsettled=unsettled)

    def rules(self, venue_id: VenueId, instrument: Instrument) -> Instrument:
        """An instrument with the trading rules of the venue, where it told them; halted where either says so."""
        line = self.live.get(venue_id)
        told = None if line is None else line.rules.get(instrument.symbol)
        if told is None or instrument.status is not InstrumentStatus.TRADING:
            return instrument
        return told
