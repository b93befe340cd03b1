"""What a setting is: its names, form, unit, defaults and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

from msgspec import Struct

from appliance.config.forms import Form
from appliance.config.values import RiskProfile

T = TypeVar("T")

SEED = "as in earlier versions"
"""Basis of a default that users of this system already know."""


class Setting(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """One setting. `key` is its path in the file; `environment` the variable that goes before the file."""

    key: str
    environment: str
    form: Form[T]
    defaults: Mapping[RiskProfile, T]
    unit: str
    doc: str
    """What it does, in one line."""
    basis: str
    """Why the default is what it is."""

    def default(self, profile: RiskProfile) -> T:
        """The value where neither the file nor the environment has one."""
        return self.defaults[profile]

    @property
    def varies(self) -> bool:
        """Whether the risk profile sets the default."""
        return len({self.form.text(value) for value in self.defaults.values()}) > 1


class Family(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """Settings of one shape, one per member: a table in the file, one variable each in the environment."""

    key: str
    environment: str
    """With the member in angle brackets, e.g. `MAX_TRADE_AMOUNT_<TOKEN>`."""
    member: Form[Any]
    upper: bool
    """Whether members are in capitals; else the variable's part is lowered."""
    form: Form[T]
    unit: str
    doc: str
    basis: str

    @property
    def affixes(self) -> tuple[str, str]:
        """What stands before and after the member in a variable's name."""
        prefix, _, rest = self.environment.partition("<")
        return prefix, rest.partition(">")[2]


def setting(
    key: str,
    form: Form[T],
    doc: str,
    *,
    default: T | tuple[T, T, T],
    basis: str,
    unit: str = "",
    environment: str = "",
) -> Setting[T]:
    """A setting; three defaults are those of the conservative, moderate and aggressive profiles."""
    values = default if isinstance(default, tuple) else (default, default, default)
    return Setting(
        key=key,
        environment=environment or "READYTRADER_" + key.upper().replace(".", "_"),
        form=form,
        defaults=dict(zip(RiskProfile, values, strict=True)),
        unit=unit,
        doc=doc,
        basis=basis,
    )


def numbers(*texts: str) -> tuple[Decimal, Decimal, Decimal]:
    conservative, moderate, aggressive = (Decimal(text) for text in texts)
    return conservative, moderate, aggressive
