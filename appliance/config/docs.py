"""The manual's tables, made from the registry; a check compares them with what the manual holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from appliance.config.settings import FAMILIES, SETTINGS, Setting
from appliance.config.tables import INSTRUMENT_FIELDS, SOURCE_FIELDS, Field
from appliance.config.unsupported import UNSUPPORTED
from appliance.config.values import RiskProfile


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
    arrays = [*_fields("source", SOURCE_FIELDS.items()), *_fields("instrument", INSTRUMENT_FIELDS.items())]
    refused = [(f"`{_readable(one.pattern)}`", one.part, _harmless(one.harmless)) for one in UNSUPPORTED]
    parts = (
        "A default with three values is that of the conservative, moderate and aggressive profile.",
        _table(("setting", "variable", "takes", "unit", "default", "what it does", "why"), [*settings, *families]),
        "Arrays of tables (file only):",
        _table(("key", "takes", "default", "what it does"), arrays),
        "Known variables that this version refuses, because it has no part that would honour them:",
        _table(("variable", "part", "accepted values"), refused),
    )
    return "\n\n".join(parts) + "\n"


def _default(setting: Setting[Any]) -> str:
    texts = [setting.form.text(setting.default(profile)) for profile in RiskProfile]
    return " / ".join(f"`{text}`" for text in (texts if setting.varies else texts[:1]))


def _fields(array: str, fields: Iterable[tuple[str, Field]]) -> list[tuple[str, ...]]:
    return [
        (
            f"`[[{array}]] {name}`",
            field.form.expects,
            "required" if field.required else f"`{field.form.text(field.default)}`",
            field.doc,
        )
        for name, field in fields
    ]


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
