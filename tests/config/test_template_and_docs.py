"""The first file and the manual's table are the registry, written out."""

from __future__ import annotations

import tomllib

import pytest

from appliance.config import RiskProfile, load
from appliance.config.docs import settings_tables
from appliance.config.settings import FAMILIES, SETTINGS
from appliance.config.template import template
from appliance.config.unsupported import PLAIN_NAMES


@pytest.mark.parametrize("profile", RiskProfile)
def test_the_template_loads_to_exactly_the_defaults_of_its_profile(loaded, profile):
    assert loaded(template(profile)).digest == load(None, {"RISK_PROFILE": profile.value}).digest


def test_the_template_writes_every_setting_out_so_that_each_comes_from_the_file(loaded):
    origins = loaded(template()).origins
    assert [key for key, origin in origins.items() if origin.kind != "file"] == ["sentiment.min"]


def test_the_template_names_every_setting_its_variable_and_every_family():
    text = template()
    for setting in SETTINGS:
        assert setting.environment in text
    for family in FAMILIES:
        assert f"# [{family.key}]" in text
        assert family.environment in text


def test_what_the_template_has_commented_out_is_valid_too(loaded):
    lines = template().splitlines()
    commented = [line for line in lines if line.startswith(("# [limits", "# [rate", "# [market", "# min = "))]
    assert len(commented) == len(FAMILIES) + 1
    uncommented = []
    for before, line in zip(["", *lines], lines, strict=False):
        taken = line in commented or before in commented
        uncommented.append(line.removeprefix("# ") if taken else line)
    text = "\n".join(uncommented).replace('source = "off"', 'source = "sample"')
    configuration = loaded(text)
    assert set(tomllib.loads(text)["limits"]["quantity_order_max"]) == set(configuration.limits.quantity_order_max)
    assert configuration.rate_limits.tool_per_min
    assert configuration.market_data.source_age_max
    assert configuration.limits.sentiment_min is not None


def test_the_lines_of_the_template_fit_a_page():
    assert max(len(line) for line in template().splitlines()) <= 120


def test_the_tables_hold_every_setting_and_every_refused_variable():
    text = settings_tables()
    for setting in SETTINGS:
        assert f"| `{setting.key}` | `{setting.environment}` |" in text
    for name in PLAIN_NAMES:
        assert f"| `{name}` |" in text
