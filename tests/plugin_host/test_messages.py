"""What a worker may say of when to come back: seconds, and not for ever."""

from __future__ import annotations

import pytest

from appliance.plugin_host.messages import RETRY_AFTER_S_MAX, seconds_to_wait


@pytest.mark.parametrize("said", [0, 1, 2.5, RETRY_AFTER_S_MAX])
def test_a_number_of_seconds_up_to_a_day_is_believed(said: float) -> None:
    assert seconds_to_wait(said) == said


@pytest.mark.parametrize(
    "said", [None, True, "7", -1, float("nan"), float("inf"), RETRY_AFTER_S_MAX + 1, 10**400, [1]], ids=str
)
def test_anything_else_is_nothing(said: object) -> None:
    assert seconds_to_wait(said) is None
