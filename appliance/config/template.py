"""The text of a first `readytrader.toml`: every setting written out with its default, made from the registry."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from readytrader_sdk.money import text_from_decimal

from appliance.config.arrays import Array
from appliance.config.forms import quoted
from appliance.config.settings import FAMILIES, SETTINGS, Family, Setting, mode, sentiment
from appliance.config.tables import DEFAULT_INSTRUMENTS, DEFAULT_SOURCES, INSTANCES, INSTRUMENT, PLUGIN, SOURCE
from appliance.config.values import RiskProfile

_WIDTH = 100

_HEAD = """\
# The configuration of ReadyTrader. Check it with: readytrader config check
#
# Every setting is here with its default. A variable of the environment, named after each, goes before this file.
# A key or a value that is not understood refuses to start. Percentages are plain numbers: 5 is five percent.
# No secret belongs into this file.
"""

_EXAMPLE_MEMBERS = {
    "limits.quantity_order_max": ("BTC", "0.5"),
    "rate_limits.tool_per_min": ("get_crypto_price", "60"),
    "marketdata.source_max_age_ms": ("sample", "5000"),
}


def template(profile: RiskProfile = RiskProfile.CONSERVATIVE) -> str:
    """A commented file that loads to exactly the defaults of a profile."""
    lines = [_HEAD]
    for section in dict.fromkeys(setting.key.rpartition(".")[0] for setting in SETTINGS):
        if section:
            lines += [f"[{section}]", ""]
        for setting in SETTINGS:
            if setting.key.rpartition(".")[0] == section:
                lines += _setting_lines(setting, profile)
        for family in FAMILIES:
            if family.key.rpartition(".")[0] == section:
                lines += _family_lines(family)
    lines += [*_source_lines(), *_plugin_lines(), *_instrument_lines()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _setting_lines(setting: Setting[Any], profile: RiskProfile) -> Iterator[str]:
    unit = f" Unit: {setting.unit}." if setting.unit else ""
    yield from _comment(f"{setting.doc}{unit} Takes {setting.form.expects}.")
    yield f"# Environment: {setting.environment}"
    if setting is mode.RISK_PROFILE:
        yield from _comment(
            "Limits that are written out below go before the profile: after a change here, delete those that should "
            "follow it. `readytrader config show` says where each value came from."
        )
    value = profile if setting is mode.RISK_PROFILE else setting.default(profile)
    written = f"{setting.key.rpartition('.')[2]} = {setting.form.literal(value)}"
    # Without a source the minimum would have no effect, and what has no effect is refused.
    yield f"# {written}" if setting is sentiment.MIN else written
    yield ""


def _family_lines(family: Family[Any]) -> Iterator[str]:
    member, value = _EXAMPLE_MEMBERS[family.key]
    yield from _comment(f"{family.doc} Unit: {family.unit}.")
    yield f"# Environment: {family.environment}"
    yield f"# [{family.key}]"
    yield f"# {member} = {value}"
    yield ""


def _source_lines() -> Iterator[str]:
    yield from _comment(f"{SOURCE.doc} The sample source makes its prices up: for trying only.")
    yield from _field_comments(SOURCE)
    for source in DEFAULT_SOURCES:
        yield "[[source]]"
        yield f"name = {quoted(source.name)}"
        yield f"plugin = {quoted(source.plugin)}"
        yield f"priority = {source.priority}"
        yield ""


def _instrument_lines() -> Iterator[str]:
    yield from _comment(INSTRUMENT.doc)
    yield from _field_comments(INSTRUMENT)
    for instrument in DEFAULT_INSTRUMENTS:
        yield "[[instrument]]"
        yield f"symbol = {quoted(instrument.symbol)}"
        for name in ("price_increment", "quantity_increment", "quantity_min", "notional_min"):
            yield f"{name} = {text_from_decimal(getattr(instrument, name))}"
        yield ""


def _plugin_lines() -> Iterator[str]:
    """What else runs as a worker of its own, in words: nothing of it runs by default."""
    for array in (*INSTANCES[1:], PLUGIN):
        yield from _comment(f"[[{array.name}]] {array.doc}")
    yield from _comment("An instance of any kind takes the keys of a source; an exchange has a venue too. For example:")
    yield from ("#", "# [[notifier]]", '# name = "phone"', '# plugin = "webhook"')
    yield from ('# hosts = ["hooks.example.com:443"]', '# settings = {url = "https://hooks.example.com/x"}', "#")
    yield from _comment("and then: readytrader plugin secret phone signing_key")
    yield ""


def _field_comments(array: Array) -> Iterator[str]:
    for name, field in array.fields.items():
        yield from _comment(f"  {name}: {field.doc}")


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH):
        yield f"# {line}"
