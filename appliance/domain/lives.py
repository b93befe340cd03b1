"""When the core last came up, with what, and whether it went in good order."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from appliance.domain.events import CoreStarted, CoreStopped


class CoreLife(Struct, frozen=True, kw_only=True):
    """The newest start of a core, and its end."""

    version: str
    configuration_digest: str
    started_at: datetime
    stopped_at: datetime | None = None
    """None while it runs, and where it was killed."""


def life_after(before: CoreLife | None, at: datetime, event: CoreStarted | CoreStopped) -> CoreLife | None:
    """The life after a start or an end; None for the end of one that nobody saw begin."""
    if isinstance(event, CoreStarted):
        return CoreLife(version=event.version, configuration_digest=event.configuration_digest, started_at=at)
    return None if before is None else replace(before, stopped_at=at)
