"""What the core and the broker say to each other, and the frames they say it in: the appliance's usual ones.

A frame from the core that brings a descriptor carries it with its first byte (unix(7), SCM_RIGHTS), which the frames'
own protocol class cannot; so the broker cuts them apart here. Both trust each other, and bound each other all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import Struct
from readytrader_sdk.egress import Endpoint

FRAME_BYTES_MAX = 256 * 1024
_HEADER_BYTES = 4


class EgressCounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one worker did with its way out, since the broker started."""

    opened: int = 0
    """Connections made."""
    open_now: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    refused: int = 0
    """Connections that were not allowed."""
    refused_by_target: Mapping[str, int] = {}
    """The same by `host:port`; what came after a bounded number of them under `others`."""
    last_refusal: str = ""
    """`host:port` and the reason; foreign text, printable and capped."""


class Begin(Struct, frozen=True, kw_only=True, tag="begin", forbid_unknown_fields=True):
    """The first frame: close the cage, with these measures or not at all."""

    cage_required: tuple[str, ...]


class Open(Struct, frozen=True, kw_only=True, tag="open", forbid_unknown_fields=True):
    """A worker's channel, whose descriptor comes with this frame, and what the worker was granted. One that the broker
    knows by this name ends."""

    name: str
    hosts: tuple[Endpoint, ...]
    private_hosts: tuple[Endpoint, ...]


class Revoke(Struct, frozen=True, kw_only=True, tag="revoke", forbid_unknown_fields=True):
    """End this worker's channel and all its connections."""

    name: str


class Begun(Struct, frozen=True, kw_only=True, tag="begun", forbid_unknown_fields=True):
    """The answer to `Begin`: caged, measure by measure `on`, or why not."""

    cage: Mapping[str, str]


class CannotBegin(Struct, frozen=True, kw_only=True, tag="cannot_begin", forbid_unknown_fields=True):
    """The other answer to `Begin`, after which the broker ends."""

    reason: str


class Tally(Struct, frozen=True, kw_only=True, tag="tally", forbid_unknown_fields=True):
    """A worker's counts, as of now."""

    name: str
    counts: EgressCounts


class Refusal(Struct, frozen=True, kw_only=True, tag="refusal", forbid_unknown_fields=True):
    """A connection that was refused, to be logged. Not every one is told when there are many."""

    name: str
    target: str
    reason: str


FromCore = Begin | Open | Revoke
FromBroker = Begun | CannotBegin | Tally | Refusal

encode = msgspec.msgpack.Encoder().encode
decode_from_core = msgspec.msgpack.Decoder(FromCore).decode
decode_from_broker = msgspec.msgpack.Decoder(FromBroker).decode


class FrameCutter:
    """Cuts a stream of bytes into the bodies of its frames."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The bodies that are whole now. Raises `ValueError` for a frame that is empty or too long."""
        self._pending += data
        while len(self._pending) >= _HEADER_BYTES:
            length = int.from_bytes(self._pending[:_HEADER_BYTES], "big")
            if not 0 < length <= FRAME_BYTES_MAX:
                raise ValueError(f"a frame of {length} bytes; 1 to {FRAME_BYTES_MAX} are allowed")
            if len(self._pending) < _HEADER_BYTES + length:
                return
            body = bytes(self._pending[_HEADER_BYTES : _HEADER_BYTES + length])
            del self._pending[: _HEADER_BYTES + length]
            yield body


def frame(message: FromCore | FromBroker) -> bytes:
    """A message in its frame. Raises `ValueError` for one that is too long."""
    body = encode(message)
    if len(body) > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(body)} bytes; at most {FRAME_BYTES_MAX} are allowed")
    return len(body).to_bytes(_HEADER_BYTES, "big") + body
