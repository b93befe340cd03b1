"""The manual's tables, made from the registry; a check compares them with what the manual holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from appliance.config.arrays import Field
from appliance.config.limit_settings import LIMIT_SETTINGS
from appliance.config.settings import FAMILIES, SETTINGS, Setting
from appliance.config.tables import ARRAYS, INSTANCE_FIELDS, INSTANCES
from appliance.config.unsupported import UNSUPPORTED
from appliance.config.values import RiskProfile
from appliance.domain.tightness import FIXED


def settings_tables() -> str:
    """Markdown: all settings, the families, the arrays of tables, and what this version refuses."""
    settings = [
        (f"`{one.key}`", f"`{one.environment}`", one.form.expects, one.unit, _default(one), one.doc, one.basis)
        for one in SETTINGS
    ]
    families = [
        (f"`{one.key}.*`", f"`{one.environment}`", one.form.expects, one.unit, "", one.doc, one.basis)
        for one in FAMILIES
    ]
    kinds = [(f"`[[{array.name}]]`", array.doc) for array in ARRAYS]
    keys = [
        *_fields("every instance's", INSTANCE_FIELDS),
        *(line for array in INSTANCES for line in _fields(f"`[[{array.name}]]`", _beyond(array.fields))),
        *(line for array in ARRAYS[len(INSTANCES) :] for line in _fields(f"`[[{array.name}]]`", array.fields)),
    ]
    refused = [(f"`{_readable(one.pattern)}`", one.part, _harmless(one.harmless), one.advice) for one in UNSUPPORTED]
    parts = (
        "A default with three values is that of the conservative, moderate and aggressive profile.",
        _fixed(),
        _table(("setting", "variable", "takes", "unit", "default", "what it does", "why"), [*settings, *families]),
        "Arrays of tables (file only):",
        _table(("array", "what it is"), kinds),
        _table(("key", "takes", "default", "what it does"), keys),
        "Known variables that this version refuses, because it has no part that would honour them:",
        _table(("variable", "part", "accepted values", "instead"), refused),
    )
    return "\n\n".join(parts) + "\n"


def _fixed() -> str:
    """What holds until a restart, so that nobody looks for a way to change it in a hurry."""
    fixed = "\n".join(f"- `{LIMIT_SETTINGS[field].key}`: {why}." for field, why in FIXED.items())
    return (
        "While the core runs, limits are tightened at once and loosened late (`readytrader limits`). The file and a "
        f"restart alone change whatever is no limit, and these:\n\n{fixed}"
    )


def _default(setting: Setting[Any]) -> str:
    texts = [setting.form.text(setting.default(profile)) for profile in RiskProfile]
    return " / ".join(f"`{text}`" for text in (texts if setting.varies else texts[:1]))


def _beyond(fields: Mapping[str, Field]) -> dict[str, Field]:
    """What an instance has that not every instance has."""
    return {name: field for name, field in fields.items() if name not in INSTANCE_FIELDS}


def _fields(owner: str, fields: Mapping[str, Field]) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []
    for name, field in fields.items():
        default = "" if field.required else field.form.text(field.default)
        shown = "required" if field.required else f"`{default}`" if default else ""
        lines.append((f"{owner} `{name}`", field.form.expects, shown, field.doc))
    return lines


def _harmless(values: frozenset[str]) -> str:
    return ", ".join(f"`{value}`" if value else "empty" for value in sorted(values))


def _readable(pattern: str) -> str:
    """A variable's pattern as people write it."""
    for regular, plain in (
        ("(?:[A-Z0-9_]+_)?", "[<EXCHANGE>_]"),
        ("[A-Z0-9_]+", "<NAME>"),
        ("(?:KEY|SECRET|PASSWORD)", "<KEY, SECRET or PASSWORD>"),
    ):
        pattern = pattern.replace(regular, plain)
    return pattern


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
