"""Limits as settings: which setting each limit is, and what a limit changed while the core runs comes to.

A changed value goes through the very forms and the same checks as the file and the environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from readytrader_sdk.instruments import Asset

from appliance.config.arrays import Row
from appliance.config.coherence import check_coherence
from appliance.config.forms import OFF, EnvironmentText, Form, optional
from appliance.config.loading import limits_of
from appliance.config.names import suggest
from appliance.config.problems import Problem, Refusal, printable
from appliance.config.resolve import Given, Resolved
from appliance.config.settings import (
    FAMILIES,
    SETTINGS,
    Family,
    Setting,
    allow,
    approval,
    limits,
    marketdata,
    mode,
    sentiment,
)
from appliance.config.tables import ARRAYS
from appliance.config.values import Configuration, OriginKind
from appliance.domain.limits import Limits
from appliance.service.limit_book import LimitRefused, LimitRow

LIMIT_SETTINGS: Mapping[str, Setting[Any]] = {
    "accounting_asset": limits.ACCOUNTING_ASSET,
    "cash_assets": limits.CASH_ASSETS,
    "position_max_pct": limits.POSITION_MAX_PCT,
    "exposure_max_pct": limits.EXPOSURE_MAX_PCT,
    "daily_loss_max_pct": limits.DAILY_LOSS_MAX_PCT,
    "drawdown_max_pct": limits.DRAWDOWN_MAX_PCT,
    "nav_jump_max_pct": limits.NAV_JUMP_MAX_PCT,
    "notional_order_max": limits.NOTIONAL_ORDER_MAX,
    "notional_cex_order_max": limits.NOTIONAL_CEX_ORDER_MAX,
    "collar_hard_pct": limits.COLLAR_HARD_PCT,
    "collar_soft_pct": limits.COLLAR_SOFT_PCT,
    "slippage_max_pct": limits.SLIPPAGE_MAX_PCT,
    "spread_max_pct": limits.SPREAD_MAX_PCT,
    "depth_max_pct": limits.DEPTH_MAX_PCT,
    "fee_max_pct": limits.FEE_MAX_PCT,
    "open_orders_max": limits.OPEN_ORDERS_MAX,
    "open_notional_max_pct": limits.OPEN_NOTIONAL_MAX_PCT,
    "turnover_max_pct": limits.TURNOVER_MAX_PCT,
    "turnover_window": limits.TURNOVER_WINDOW,
    "duplicate_window": limits.DUPLICATE_WINDOW,
    "repeated_orders_max": limits.REPEATED_ORDERS_MAX,
    "repeated_window": limits.REPEATED_WINDOW,
    "rejects_max": limits.REJECTS_MAX,
    "rejects_window": limits.REJECTS_WINDOW,
    "drift_max_pct": limits.DRIFT_MAX_PCT,
    "foreign_orders_max": limits.FOREIGN_ORDERS_MAX,
    "quote_age_max": marketdata.QUOTE_AGE_MAX,
    "quote_sources_min": marketdata.QUOTE_SOURCES_MIN,
    "clock_skew_max": marketdata.CLOCK_SKEW_MAX,
    "data_loss_max": limits.DATA_LOSS_MAX,
    "sentiment_min": sentiment.MIN,
    "sentiment_age_max": sentiment.AGE_MAX,
    "allow_exchanges": allow.EXCHANGES,
    "allow_symbols": allow.SYMBOLS,
    "allow_market_types": allow.MARKET_TYPES,
    "allow_tokens": allow.TOKENS,
    "allow_chains": allow.CHAINS,
    "allow_to_addresses": allow.TO_ADDRESSES,
    "transfer_native_max": limits.TRANSFER_NATIVE_MAX,
    "approval_mode": approval.MODE,
    "approval_notional_min": approval.NOTIONAL_MIN,
    "approval_first_symbol": approval.FIRST_SYMBOL,
    "approval_first_orders": approval.FIRST_ORDERS,
    "approval_people_min": approval.PEOPLE_MIN,
    "proposal_ttl": approval.PROPOSAL_TTL,
    "permit_ttl": approval.PERMIT_TTL,
    "loosening_delay": limits.LOOSENING_DELAY,
}
"""The setting of each limit but `quantity_order_max`, which has one for each asset."""
CAPS_FIELD = "quantity_order_max"
CAPS: Family[Any] = limits.QUANTITY_ORDER_MAX

_FIELD_BY_KEY = {setting.key: field for field, setting in LIMIT_SETTINGS.items()}


class LimitSettings:
    """The limits of one configuration, and of the same configuration with some of them changed."""

    def __init__(self, configuration: Configuration) -> None:
        self._base = configuration.limits
        self._resolved = _resolved_of(configuration)
        self._tables = _tables_of(configuration)
        self._accepted = set(_said(check_coherence(self._resolved, self._tables)))
        self._configured = {row.setting: row.value for row in configuration.effective}

    def field(self, key: str) -> str:
        """The field of `Limits` that a setting is. Raises `LimitRefused` for what is no limit's setting."""
        if _asset_of(key) is not None:
            return CAPS_FIELD
        if key not in _FIELD_BY_KEY:
            near = suggest(key, [*_FIELD_BY_KEY, CAPS.key])
            hint = "" if near is None else f"; did you mean {near}?"
            raise LimitRefused(f"{printable(key)} is no limit{hint}")
        return _FIELD_BY_KEY[key]

    def normal(self, key: str, value: str) -> str:
        """A value as this setting writes it. Raises `LimitRefused` with what was expected, naming the setting."""
        self.field(key)
        form = _form(key)
        try:
            return form.text(form.parse(EnvironmentText(value)))
        except Refusal as refusal:
            raise LimitRefused(f"{key}: {refusal}") from None

    def configured(self, key: str) -> str:
        """What the configuration says, as text."""
        return self._configured.get(key, OFF)

    def with_changes(self, changes: Mapping[str, str]) -> Limits:
        """The configuration's limits with some of them changed, checked as a whole. Raises `LimitRefused`."""
        changed = Resolved(given=dict(self._resolved.given))
        for key, value in changes.items():
            _put(changed, key, self.normal(key, value))
        problems = [said for said in _said(check_coherence(changed, self._tables)) if said not in self._accepted]
        if problems:
            newest = [*changes][-1]
            raise LimitRefused("; ".join(it if _names_a_setting(it) else f"{newest}: {it}" for it in problems))
        after = limits_of(changed)
        return replace(self._base, **{field: getattr(after, field) for field in map(self.field, changes)})

    def text(self, key: str, limits: Limits) -> str:
        """The value of a setting in some limits, as it is written."""
        field, asset = self.field(key), _asset_of(key)
        value = getattr(limits, field)
        if asset is not None:
            value = value.get(asset)
        return OFF if value is None and field == "sentiment_min" else _form(key).text(value)

    def rows(self, limits: Limits) -> Iterator[LimitRow]:
        """Every limit with its value, in the order of the configuration's table."""
        for setting in SETTINGS:
            if setting.key in _FIELD_BY_KEY:
                yield self._row(setting.key, setting.unit, setting.doc, limits)
        given = {key for key in self._configured if key.startswith(f"{CAPS.key}.")}
        for key in sorted(given | {f"{CAPS.key}.{asset}" for asset in limits.quantity_order_max}):
            yield self._row(key, f"{_asset_of(key)}", CAPS.doc, limits)

    def _row(self, key: str, unit: str, doc: str, limits: Limits) -> LimitRow:
        value, configured = self.text(key, limits), self.configured(key)
        return LimitRow(key=key, field=self.field(key), value=value, configured=configured, unit=unit, doc=doc)


def _asset_of(key: str) -> Asset | None:
    """The asset whose cap a setting is, or None for every other setting."""
    prefix, _, member = key.rpartition(".")
    if prefix != CAPS.key:
        return None
    try:
        return Asset(CAPS.member.parse(member))
    except Refusal:
        return None


def _form(key: str) -> Form[Any]:
    return optional(CAPS.form) if _asset_of(key) is not None else LIMIT_SETTINGS[_FIELD_BY_KEY[key]].form


def _put(resolved: Resolved, key: str, text: str) -> None:
    """Give a setting a value, in the place that it was given one in before, if any."""
    value = _form(key).parse(EnvironmentText(text))
    origin = resolved.given[key].origin if key in resolved.given else resolved.origin(mode.RISK_PROFILE)
    if value is None and _asset_of(key) is not None:
        resolved.given.pop(key, None)
    else:
        resolved.given[key] = Given(value=value, origin=origin)


def _resolved_of(configuration: Configuration) -> Resolved:
    """What was written, from the texts of what is in force."""
    resolved = Resolved()
    settings = {setting.key: setting for setting in SETTINGS}
    for row in configuration.effective:
        if row.origin.kind not in (OriginKind.FILE, OriginKind.ENVIRONMENT):
            continue
        form = settings[row.setting].form if row.setting in settings else _family_form(row.setting)
        if form is not None and not (row.setting == sentiment.MIN.key and row.value == OFF):
            resolved.given[row.setting] = Given(value=form.parse(EnvironmentText(row.value)), origin=row.origin)
    return resolved


def _family_form(key: str) -> Form[Any] | None:
    return next((family.form for family in FAMILIES if key.startswith(f"{family.key}.")), None)


def _tables_of(configuration: Configuration) -> dict[str, tuple[Row, ...]]:
    """The arrays of tables as they were read."""
    origins = configuration.origins
    default = origins[mode.RISK_PROFILE.key]
    return {
        array.name: tuple(
            Row(value=value, origin=origins.get(f"{array.name}.{getattr(value, array.identity)}", default))
            for value in getattr(configuration, f"{array.name}s")
        )
        for array in ARRAYS
    }


def _names_a_setting(said: str) -> bool:
    return said.partition(":")[0] in _FIELD_BY_KEY


def _said(problems: list[Problem]) -> list[str]:
    return [f"{problem.setting}: {problem.text}" for problem in problems]
