"""Whatever is written: the configuration is refused with problems, or holds exactly what was written."""

from __future__ import annotations

import re
import string
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.config import Configuration, ConfigurationError, Problem, load
from appliance.config.settings import FAMILIES, SETTINGS
from appliance.config.unsupported import TRACING_NAMES

DEFAULTS = load(None, {})
PER_SETTING = settings(max_examples=30, deadline=None)
WHOLE = settings(max_examples=300, deadline=None)

NEAR_NUMBERS = st.text(alphabet="0123456789.,-+eE_% xX/∞٣", max_size=12)
WORDS = st.sampled_from(["true", "false", "off", "any", "none", "auto", "1", "0", "5", "1000", "-1", "0.5", "BTC", ""])
TEXTS = st.one_of(NEAR_NUMBERS, WORDS, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))

CAPS = [
    setting for setting in SETTINGS if setting.key.startswith("limits.") and re.search(r"(_max|_max_pct)$", setting.key)
]
"""Settings of which a larger value, or `off`, is looser."""


def value_of(configuration: Configuration, key: str) -> object:
    return getattr(configuration.limits, key.removeprefix("limits."))


def load_or_refuse(path: Path | None, environ: dict[str, str]) -> Configuration | tuple[Problem, ...]:
    """The configuration, or the problems; any other exception fails the test."""
    try:
        return load(path, environ)
    except ConfigurationError as refusal:
        return refusal.problems


def taken_or_refused(content: bytes) -> bool:
    """Whether a file of that content is either loaded, or refused with at least one problem."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "readytrader.toml"
        path.write_bytes(content)
        return bool(load_or_refuse(path, {}))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
@PER_SETTING
@given(text=TEXTS)
def test_any_text_in_the_environment_is_refused_or_shown_back_as_it_was_meant(setting, text):
    on = {"OTEL_ENABLED": "true"} if setting.environment in TRACING_NAMES else {}
    configuration = load_or_refuse(None, on | {setting.environment: text})
    if isinstance(configuration, tuple):
        assert configuration
        return
    row = next(one for one in configuration.effective if one.setting == setting.key)
    assert row.origin.detail == setting.environment
    again = load(None, on | {setting.environment: row.value})
    assert again.digest == configuration.digest


@pytest.mark.parametrize("setting", CAPS, ids=lambda setting: setting.key)
@PER_SETTING
@given(text=TEXTS)
def test_a_cap_is_looser_than_its_default_only_by_a_plain_number_or_the_word_off(setting, text):
    configuration = load_or_refuse(None, {setting.environment: text})
    if isinstance(configuration, tuple):
        assert configuration
        return
    value, default = value_of(configuration, setting.key), value_of(DEFAULTS, setting.key)
    if value is None:
        assert text == "off"
    elif default is None or value > default:
        assert re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?", text, re.ASCII)
        assert value == Decimal(text)


@WHOLE
@given(
    environ=st.dictionaries(
        st.one_of(
            st.sampled_from([setting.environment for setting in SETTINGS]),
            st.builds(
                lambda family, member: family.environment.split("<")[0] + member + family.environment.split(">")[1],
                st.sampled_from(FAMILIES),
                st.text(string.ascii_letters + string.digits + "_", max_size=6),
            ),
            st.text(string.printable, min_size=1, max_size=20),
        ),
        TEXTS,
        max_size=6,
    )
)
def test_any_environment_is_taken_or_refused_with_problems_that_a_terminal_can_show(environ):
    found = load_or_refuse(None, environ)
    problems = found if isinstance(found, tuple) else ()
    assert found
    assert all(str(problem).isascii() and str(problem).isprintable() for problem in problems)


SCALARS = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers().map(str),
    st.integers(min_value=0).map(hex),
    st.floats().map(lambda value: "nan" if value != value else repr(value)),
    st.text(string.printable, max_size=10).map(lambda text: "'" + re.sub(r"['\x00-\x1f\x7f]", "", text) + "'"),
    st.sampled_from(["1979-05-27", "07:32:00", "[]", "{}", '"off"', '"any"', '["BTC"]', "[[]]", "1_000", "1e3"]),
)
KEYS = st.one_of(
    st.sampled_from([one.key for one in (*SETTINGS, *FAMILIES)]),
    st.sampled_from(["source", "instrument", "limits", "limits.quantity_order_max.BTC", "x", "allow.x"]),
)


@WHOLE
@given(entries=st.dictionaries(KEYS, SCALARS, max_size=5))
def test_any_file_is_taken_or_refused_with_problems(entries):
    assert taken_or_refused("".join(f"{key} = {value}\n" for key, value in entries.items()).encode())


@WHOLE
@given(content=st.binary(max_size=60))
def test_any_bytes_in_place_of_the_file_are_taken_or_refused_with_problems(content):
    assert taken_or_refused(content)
