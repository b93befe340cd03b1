"""Our client order IDs on the wire, in the form that a venue takes, and back. Reversible: nothing is remembered.

Ours are `rt` and 24 hexadecimal digits (96 bits). A venue that wants a UUID gets a well-formed version 4 (RFC 9562):
the first 26 bits say that it is one of ours, the six bits that version and variant displace stand behind them, and the
90 others stay in their place.
"""

from __future__ import annotations

import re
from enum import StrEnum

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.orders import ClientOrderId

_OURS = re.compile(r"rt[0-9a-f]{24}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII)
_MARK, _MARK_MASK = 0x72740000, 0xFFFFFFC0
"""`rt` in the first two bytes, and ten bits of nothing."""
FOREIGN = "venue:"
"""Begins the name of an order that has none of ours: `venue:` and the venue's own order ID."""


class IdForm(StrEnum):
    """How a venue takes a client order ID."""

    PLAIN = "plain"
    """Letters and digits, 32 or more: as it is."""
    UUID = "uuid"


def wire_id(ours: ClientOrderId, form: IdForm) -> str:
    """The ID as it goes over the wire. Raises `Unsupported` for one that the venue has no form for."""
    if form is IdForm.UUID:
        if not _OURS.fullmatch(ours):
            raise Unsupported(f"expected a client order ID of rt and 24 hexadecimal digits, got {ours[:40]!r}")
        return _as_uuid(int(ours[2:], 16))
    if not _PLAIN.fullmatch(ours):
        raise Unsupported(f"expected a client order ID of at most 32 letters and digits, got {ours[:40]!r}")
    return ours


def our_id(wire: object, venue_order_id: str, form: IdForm) -> ClientOrderId:
    """Our ID from the wire's; `venue:` and the venue order ID for an order that carries none."""
    if isinstance(wire, str):
        if form is IdForm.UUID and _UUID.fullmatch(wire.lower()) and int(wire[:8], 16) & _MARK_MASK == _MARK:
            return ClientOrderId(f"rt{_from_uuid(wire.lower()):024x}")
        if form is IdForm.PLAIN and _PLAIN.fullmatch(wire):
            return ClientOrderId(wire)
    return ClientOrderId(f"{FOREIGN}{venue_order_id}"[:100])


def _as_uuid(bits: int) -> str:
    middle, versioned, varied, last = bits >> 80, bits >> 64 & 0xFFFF, bits >> 48 & 0xFFFF, bits & (1 << 48) - 1
    first = _MARK | versioned >> 12 << 2 | varied >> 14
    return f"{first:08x}-{middle:04x}-{0x4000 | versioned & 0xFFF:04x}-{0x8000 | varied & 0x3FFF:04x}-{last:012x}"


def _from_uuid(text: str) -> int:
    first, middle, versioned, varied, last = (int(part, 16) for part in text.split("-"))
    versioned = (first >> 2 & 0xF) << 12 | versioned & 0xFFF
    varied = (first & 0x3) << 14 | varied & 0x3FFF
    return middle << 80 | versioned << 64 | varied << 48 | last
