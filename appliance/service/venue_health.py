"""What can be said of a live venue at any time, for people: is it fit for orders, and what stands in its way."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import VenueId
from readytrader_sdk.ports import KeyRights

from appliance.domain.key_risk import KeyRisk
from appliance.service.reconciliation import Drift


class Switch(StrEnum):
    """How a venue's dead-man's switch is."""

    ARMED = "armed"
    WAITING = "waiting"
    """It will be armed: the venue has not answered the first request yet."""
    FAILING = "failing"
    """It should be armed, and the venue did not take the last request, or the journal has failed and none is made."""
    NONE = "none"
    """The venue has none."""
    OFF = "off"
    """The configuration leaves it off."""


class VenueHealth(Struct, frozen=True, kw_only=True):
    """One venue, now."""

    venue: VenueId
    problem: str | None
    """Why it may be sent nothing but cancels; None while it is fit for orders."""
    clock_skew: timedelta | None
    """How far its clock is ahead of ours; None where it was not told."""
    rights: KeyRights | None
    """What its key may do, as far as the venue says."""
    risks_accepted: tuple[KeyRisk, ...]
    accepted_by: str
    drifts: tuple[Drift, ...]
    foreign_orders: tuple[str, ...]
    switch: Switch
    is_streaming: bool | None
    """Whether it tells of orders by itself just now; None where it cannot."""
    caveats: tuple[str, ...]
    """What its plugin says that it cannot, in the plugin's words."""
    agreed_at: datetime | None
    """When it was last reconciled."""
