"""Counts within bounds, and the frames of the control socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.egress.ledger import OTHERS, TARGETS_MAX, UNTOLD_MAX, Ledger
from appliance.plugin_host.egress.wire import (
    FRAME_BYTES_MAX,
    FrameCutter,
    Open,
    Revoke,
    decode_from_core,
    frame,
)


def test_a_worker_that_tries_a_thousand_targets_does_not_make_its_page_longer() -> None:
    ledger = Ledger("a", lambda: None)
    for number in range(1000):
        ledger.refused(f"h{number}:443", "not granted")
    ledger.refused("h0:443", "not granted")
    counts = ledger.counts
    assert counts.refused == 1001
    assert len(counts.refused_by_target) == TARGETS_MAX + 1
    assert counts.refused_by_target["h0:443"] == 2
    assert counts.refused_by_target[OTHERS] == 1000 - TARGETS_MAX
    assert counts.last_refusal == "h0:443: not granted"
    assert len(ledger.take_untold()) == UNTOLD_MAX
    assert ledger.take_untold() == []


@given(st.lists(st.integers(1, 40), max_size=30))
def test_frames_are_the_same_however_they_were_cut(cuts: list[int]) -> None:
    messages = [Open(name="a", hosts=(Endpoint("h", 1),), private_hosts=()), Revoke(name="b"), Revoke(name="c")]
    stream = b"".join(frame(message) for message in messages)
    cutter, read = FrameCutter(), []
    for cut in [*cuts, len(stream)]:
        read += [decode_from_core(body) for body in cutter.feed(stream[:cut])]
        stream = stream[cut:]
    assert read == messages


@pytest.mark.parametrize("length", [0, FRAME_BYTES_MAX + 1, 2**32 - 1])
def test_a_frame_that_is_empty_or_too_long_is_refused_by_its_length(length: int) -> None:
    with pytest.raises(ValueError, match=f"a frame of {length} bytes"):
        list(FrameCutter().feed(length.to_bytes(4, "big")))


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(ValueError, match="at most"):
        frame(Revoke(name="a" * FRAME_BYTES_MAX))
