"""From the file and the environment to one value per setting: environment before file, file before default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from msgspec import Struct, field

from appliance.config.document import Document
from appliance.config.forms import EnvironmentText, Form
from appliance.config.names import PROCESS_VARIABLES, looks_like_ours, suggest, suggest_variable
from appliance.config.problems import Problem, Refusal, printable
from appliance.config.settings import FAMILIES, SETTINGS, Family, Setting, mode, otel
from appliance.config.tools import TOOLS
from appliance.config.unsupported import TRACING_NAMES, UNSUPPORTED, Unsupported
from appliance.config.values import Origin, OriginKind, RiskProfile

T = TypeVar("T")

TABLES = ("source", "exchange", "router", "signer", "notifier", "plugin", "instrument")
"""Arrays of tables, read in `tables`."""

_BY_KEY = {setting.key: setting for setting in SETTINGS}
_BY_VARIABLE = {setting.environment: setting for setting in SETTINGS}
_FAMILY_BY_KEY = {family.key: family for family in FAMILIES}
_ALL_KEYS = (*_BY_KEY, *_FAMILY_BY_KEY)
_SECTIONS = {key.rpartition(".")[0] for key in _ALL_KEYS} - {""}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Given(Struct, frozen=True, kw_only=True):
    """A value that somebody wrote, and where."""

    value: Any
    origin: Origin

    @property
    def where(self) -> str:
        """The place as messages give it."""
        return str(self.origin)


class Resolved(Struct, kw_only=True):
    """What was given, by key; the values themselves come from `value` and `members`."""

    given: dict[str, Given] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    """Keys that were given and refused: their defaults stand in only until all problems are told."""

    def value(self, setting: Setting[T]) -> T:
        """The value in force."""
        if setting.key in self.given:
            return cast(T, self.given[setting.key].value)
        profile = self.given.get(mode.RISK_PROFILE.key)
        return setting.default(RiskProfile.CONSERVATIVE if profile is None else profile.value)

    def members(self, family: Family[T]) -> dict[str, T]:
        """The members of a family that were given, by name."""
        prefix = family.key + "."
        return {key.removeprefix(prefix): one.value for key, one in self.given.items() if key.startswith(prefix)}

    def origin(self, setting: Setting[Any]) -> Origin:
        """Where the value in force came from."""
        if setting.key in self.given:
            return self.given[setting.key].origin
        if setting.varies:
            return Origin(kind=OriginKind.PROFILE, detail=self.value(mode.RISK_PROFILE).value)
        return Origin(kind=OriginKind.DEFAULT)

    def where(self, key: str) -> str:
        """The place of a value, for messages."""
        return self.given[key].where if key in self.given else "default"

    def take(self, key: str, form: Form[Any], raw: object, origin: Origin, name: str, problems: list[Problem]) -> None:
        """Parse one written value; a refused one becomes a problem."""
        try:
            self.given[key] = Given(value=form.parse(raw), origin=origin)
        except Refusal as refusal:
            self.broken.add(key)
            problems.append(Problem(where=str(origin), setting=name, text=str(refusal)))


def resolve(document: Document, environ: Mapping[str, str], problems: list[Problem]) -> Resolved:
    """Everything that was given, the environment over the file; each mistake is appended to `problems`."""
    resolved = Resolved()
    _read_table(document, document.data, (), resolved, problems)
    for variable in sorted(environ):  # OTEL_ENABLED comes before what it gives a meaning to
        _read_variable(variable, environ[variable], resolved, problems)
    return resolved


def _read_table(
    document: Document, table: Mapping[str, object], path: tuple[str, ...], resolved: Resolved, problems: list[Problem]
) -> None:
    for name, raw in table.items():
        here = (*path, name)
        key = ".".join(here) if _BARE_KEY.fullmatch(name) else ""
        origin = Origin(kind=OriginKind.FILE, detail=document.where(*here))
        if key in _BY_KEY:
            resolved.take(key, _BY_KEY[key].form, raw, origin, key, problems)
        elif key in TABLES:
            continue
        elif key in _SECTIONS or key in _FAMILY_BY_KEY:
            if not isinstance(raw, dict):
                problems.append(Problem(where=str(origin), setting=key, text="expected a table"))
            elif key in _FAMILY_BY_KEY:
                _read_family(document, raw, here, _FAMILY_BY_KEY[key], resolved, problems)
            else:
                _read_table(document, raw, here, resolved, problems)
        else:
            problems.append(unknown(str(origin), printable(".".join(here)), _suggest_key(".".join(here))))


def _read_family(
    document: Document,
    table: Mapping[str, object],
    path: tuple[str, ...],
    family: Family[Any],
    resolved: Resolved,
    problems: list[Problem],
) -> None:
    for name, raw in table.items():
        origin = Origin(kind=OriginKind.FILE, detail=document.where(*path, name))
        _take_member(family, name, raw, origin, f"{family.key}.{printable(name)}", resolved, problems)


def _take_member(
    family: Family[Any],
    member: str,
    raw: object,
    origin: Origin,
    name: str,
    resolved: Resolved,
    problems: list[Problem],
) -> None:
    try:
        family.member.parse(member)
    except Refusal as refusal:
        problems.append(Problem(where=str(origin), setting=name, text=str(refusal)))
        return
    if family.key == "rate_limits.tool_per_min" and member not in TOOLS:
        problems.append(unknown(str(origin), name, suggest(member, [*TOOLS, "default", "execution"]), what="tool"))
        return
    resolved.take(f"{family.key}.{member}", family.form, raw, origin, name, problems)


def _read_variable(variable: str, text: str, resolved: Resolved, problems: list[Problem]) -> None:
    origin = Origin(kind=OriginKind.ENVIRONMENT, detail=printable(variable))
    if variable in PROCESS_VARIABLES:
        return
    unsupported = next((entry for entry in UNSUPPORTED if entry.names(variable)), None)
    if unsupported is not None:
        problems.extend(_unsupported(unsupported, variable, text, origin))
        return
    if variable in TRACING_NAMES and not resolved.value(otel.ENABLED):
        return
    if variable in _BY_VARIABLE:
        setting = _BY_VARIABLE[variable]
        resolved.take(setting.key, setting.form, EnvironmentText(text), origin, variable, problems)
        return
    for family in FAMILIES:
        before, after = family.affixes
        member = variable[len(before) : len(variable) - len(after)]
        if variable.startswith(before) and variable.endswith(after) and member:
            named = member if family.upper else member.lower()
            _take_member(family, named, EnvironmentText(text), origin, origin.detail, resolved, problems)
            return
    if looks_like_ours(variable):
        problems.append(unknown(str(origin), origin.detail, suggest_variable(variable), what="variable"))


def _unsupported(entry: Unsupported, variable: str, text: str, origin: Origin) -> list[Problem]:
    """The refusal of a known variable without effect here. Its value may be a secret: it is never repeated."""
    if text in entry.harmless:
        return []
    advice = f"; {entry.advice}" if entry.advice else ""
    text = f"is not supported by this version ({entry.part}); remove it{advice}"
    return [Problem(where=str(origin), setting=variable, text=text)]


def unknown(where: str, name: str, suggestion: str | None, *, what: str = "setting") -> Problem:
    """The problem of a name that nothing reads."""
    hint = "" if suggestion is None else f"; did you mean {suggestion}?"
    return Problem(where=where, setting=name, text=f"unknown {what}{hint}")


def _suggest_key(key: str) -> str | None:
    """The setting that was probably meant: by its variable's name, by its last part, or by likeness."""
    last = key.rpartition(".")[2]
    if last.upper() in _BY_VARIABLE:
        return _BY_VARIABLE[last.upper()].key
    same = [known for known in _ALL_KEYS if known.rpartition(".")[2] == last]
    return same[0] if len(same) == 1 else suggest(key, [*_ALL_KEYS, *_SECTIONS, *TABLES])
