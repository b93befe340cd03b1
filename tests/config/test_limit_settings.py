"""Each limit is the setting that the table says, and a changed one comes to what the same configuration would."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from appliance.config import load
from appliance.config.limit_settings import CAPS_FIELD, LIMIT_SETTINGS, LimitSettings
from appliance.domain.limits import Limits
from appliance.service.limit_book import LimitRefused
from tests.config.test_settings import ALTERNATIVES

FIELDS = {field.name for field in msgspec.structs.fields(Limits)}
TRIED = sorted(field for field, setting in LIMIT_SETTINGS.items() if ALTERNATIVES.get(setting.key) is not None)


def test_every_limit_has_its_setting() -> None:
    assert {*LIMIT_SETTINGS, CAPS_FIELD} == FIELDS
    assert len(set(LIMIT_SETTINGS.values())) == len(LIMIT_SETTINGS)
    assert len(TRIED) == len(LIMIT_SETTINGS) - 2


@pytest.mark.parametrize("field", TRIED)
def test_a_changed_limit_is_what_a_start_with_that_value_has_and_no_other_limit_differs(field: str) -> None:
    setting = LIMIT_SETTINGS[field]
    text = ALTERNATIVES[setting.key][0]
    before = load(None, {})
    settings = LimitSettings(before)
    changed = settings.with_changes({setting.key: text})
    assert changed == load(None, {setting.environment: text}).limits
    assert msgspec.structs.replace(changed, **{field: getattr(before.limits, field)}) == before.limits
    assert settings.text(setting.key, changed) == settings.normal(setting.key, text)


@pytest.mark.parametrize(("key", "text"), [("sentiment.min", "0.1"), ("marketdata.sources_min", "2")])
def test_what_a_start_would_refuse_is_refused_while_it_runs(key: str, text: str) -> None:
    with pytest.raises(LimitRefused, match=key):
        LimitSettings(load(None, {})).with_changes({key: text})


def test_no_change_is_the_configuration_itself(tmp_path: Path) -> None:
    file = tmp_path / "readytrader.toml"
    file.write_text('[limits]\nposition_max_pct = 7\n[limits.quantity_order_max]\nBTC = "0.5"\n', encoding="utf-8")
    configuration = load(file, {"MAX_TRADE_AMOUNT": "1000"})
    settings = LimitSettings(configuration)
    assert settings.with_changes({}) == configuration.limits
    assert settings.configured("limits.quantity_order_max.BTC") == "0.5"
    assert settings.with_changes({"limits.quantity_order_max.BTC": "off"}).quantity_order_max == {}
    rows = {row.key: row for row in settings.rows(configuration.limits)}
    assert (rows["limits.position_max_pct"].value, rows["limits.notional_order_max"].value) == ("7", "1000")
    assert all(row.value == row.configured for row in rows.values())
