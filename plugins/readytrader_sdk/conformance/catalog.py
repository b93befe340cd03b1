"""Every check of the kit, in the order in which they are run."""

from __future__ import annotations

from readytrader_sdk.conformance import (
    exchange_amending,
    exchange_filling,
    exchange_guarding,
    exchange_placing,
    exchange_reading,
    intent_orders,
    notifier,
    router,
    router_altering,
    signer,
    signer_typed_data,
    source,
)
from readytrader_sdk.conformance.checks import Check

_MODULES = (
    exchange_reading,
    exchange_placing,
    exchange_filling,
    exchange_amending,
    exchange_guarding,
    source,
    signer,
    signer_typed_data,
    router,
    router_altering,
    intent_orders,
    notifier,
)

CHECKS: tuple[Check, ...] = tuple(
    value for module in _MODULES for value in vars(module).values() if isinstance(value, Check)
)
"""Every check, by kind and in the order of the files."""
