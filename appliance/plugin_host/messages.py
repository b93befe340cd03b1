"""What core and worker say to each other: MessagePack in frames, one type per message, closed on both sides.

The core speaks first: `Start`. The worker answers `Ready` or `Refused`, and then serves calls until its peer is gone.
Arguments and results travel inside messages as JSON, whose integers have no bounds: 20 ether in wei are too many for
MessagePack.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec import Struct

from appliance.domain.decision import SignedPermit
from appliance.plugin_host.specs import WorkerSpec

CallId = int

FRAME_BYTES_MAX = 8 * 1024 * 1024
"""A longer frame ends the connection. The largest honest one is a venue's list of instruments."""


RETRY_AFTER_S_MAX = 86_400.0
"""A service that wants to be left alone for longer than a day is not believed."""


class Fault(StrEnum):
    """How a call failed, as far as the core must know."""

    UNAVAILABLE = "unavailable"
    OUTCOME_UNKNOWN = "outcome_unknown"
    MISCONFIGURED = "misconfigured"
    UNSUPPORTED = "unsupported"
    PERMIT_REFUSED = "permit_refused"
    BROKEN = "broken"
    """The plugin raised or returned something that the port does not know. In doubt, it may have acted."""


# from the core


class Start(Struct, frozen=True, kw_only=True, tag="start", forbid_unknown_fields=True):
    """Be this worker."""

    spec: WorkerSpec


class Call(Struct, frozen=True, kw_only=True, tag="call", forbid_unknown_fields=True):
    """Make one call of the port. `args` is the JSON of the tuple of arguments."""

    call_id: CallId
    method: str
    args: bytes
    timeout_s: float
    """The worker cancels the call when it takes longer; the core has given up by then."""
    permit: SignedPermit | None = None


class Cancel(Struct, frozen=True, kw_only=True, tag="cancel", forbid_unknown_fields=True):
    """Nobody waits for this call, or listens to this stream, any more."""

    call_id: CallId


class Credit(Struct, frozen=True, kw_only=True, tag="credit", forbid_unknown_fields=True):
    """So many more items of this stream may be sent."""

    call_id: CallId
    items: int


class Ping(Struct, frozen=True, kw_only=True, tag="ping", forbid_unknown_fields=True):
    """Answer if your loop still turns."""


class Halted(Struct, frozen=True, kw_only=True, tag="halted", forbid_unknown_fields=True):
    """Whether trading is halted, as of now: the worker's gate lets nothing through while it is."""

    halted: bool


FromCore = Start | Call | Cancel | Credit | Ping | Halted


# from the worker


class Ready(Struct, frozen=True, kw_only=True, tag="ready", forbid_unknown_fields=True):
    """Verified, caged, loaded."""

    optional_methods: tuple[str, ...]
    """Which optional methods of its kind the plugin has."""
    cage: Mapping[str, str]
    """Measure by measure: `on`, or why not."""
    paper_only: str = ""
    """For a data source: what to call its prices where they are no market's of now."""


class Refused(Struct, frozen=True, kw_only=True, tag="refused", forbid_unknown_fields=True):
    """This plugin was not loaded, or cannot work as it is set up: starting it again would not help."""

    reason: str


class Returned(Struct, frozen=True, kw_only=True, tag="returned", forbid_unknown_fields=True):
    """A call's result, as JSON. Every call is answered once, a cancelled one too: `Returned` or `Failed`."""

    call_id: CallId
    value: bytes
    began_ns: int = 0
    """When the worker began on it, by the host's monotonic clock (CLOCK_MONOTONIC, the same in every process)."""
    ended_ns: int = 0


class Failed(Struct, frozen=True, kw_only=True, tag="failed", forbid_unknown_fields=True):
    """A call that raised. The text is the plugin's own, without its secrets, capped: foreign all the same."""

    call_id: CallId
    fault: Fault
    text: str
    began_ns: int = 0
    """As of `Returned`; 0 where it was never begun."""
    ended_ns: int = 0
    retry_after_s: float | None = None
    """How long the service behind the plugin wants to be left alone; with `UNAVAILABLE` alone."""


class Items(Struct, frozen=True, kw_only=True, tag="items", forbid_unknown_fields=True):
    """Some items of a stream, in order. `values` is the JSON of a list."""

    call_id: CallId
    values: bytes
    count: int


class Ended(Struct, frozen=True, kw_only=True, tag="ended", forbid_unknown_fields=True):
    """A stream has no more."""

    call_id: CallId


class Pong(Struct, frozen=True, kw_only=True, tag="pong", forbid_unknown_fields=True):
    """The loop turns."""


class Logged(Struct, frozen=True, kw_only=True, tag="logged", forbid_unknown_fields=True):
    """A line of the plugin's log or output, without its secrets, capped."""

    level: int
    text: str


FromWorker = Ready | Refused | Returned | Failed | Items | Ended | Pong | Logged

encode = msgspec.msgpack.Encoder().encode
"""A message as MessagePack. Decimals are text, times are timestamps."""

encode_value = msgspec.json.Encoder().encode
"""Arguments, a result or items as JSON. Decimals are text, times RFC 3339, bytes base64."""


def seconds_to_wait(said: object) -> float | None:
    """How long a service wants to be left alone, as far as that is a number of seconds, and no more than a day."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return None
    return float(said) if 0 <= said <= RETRY_AFTER_S_MAX else None
