"""Where value may be sent, and how much of it (R45). Off unless the operator fills the address book and the cap."""

from __future__ import annotations

import re

from readytrader_sdk.money import ONE, ZERO

from appliance.domain.codes import Code
from appliance.domain.decision import Denial
from appliance.domain.intents import TransferIntent
from appliance.pipeline.case import Case, Ceiling, Level, deny

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SHOWN = 4
"""How many leading and trailing digits people compare by eye."""


def destination(case: Case) -> Denial | None:
    """The whole address must be in the address book."""
    if not isinstance(case.intent, TransferIntent) or _known(case):
        return None
    address = case.intent.to_address
    text = "is not in the address book" if _ADDRESS.fullmatch(address) else "is not an address"
    book = len(case.limits.allow_to_addresses)
    return deny(Code.DESTINATION_NOT_ALLOWED, f"{address[:64]!r} {text}", address[:64], f"{book} known addresses")


def lookalike(case: Case) -> Denial | None:
    """An unknown address that begins and ends like a known one is how victims are made."""
    if not isinstance(case.intent, TransferIntent) or _known(case):
        return None
    address = case.intent.to_address.lower()
    for known in sorted(case.limits.allow_to_addresses):
        if address[: 2 + _SHOWN] == known[: 2 + _SHOWN] and address[-_SHOWN:] == known[-_SHOWN:]:
            return deny(Code.DESTINATION_LOOKALIKE, "the address imitates a known one", address, known)
    return None


def _known(case: Case) -> bool:
    intent = case.intent
    return isinstance(intent, TransferIntent) and intent.to_address.lower() in case.limits.allow_to_addresses


def transfer_cap(case: Case) -> Ceiling | None:
    """A cap per transfer in the asset's own units; no cap set means that nothing leaves."""
    if not isinstance(case.intent, TransferIntent):
        return None
    cap, asset = case.limits.transfer_native_max, case.intent.asset
    level = Level(
        Code.TRANSFER_ABOVE_MAX, "one transfer", "transfer_native_max", used=ZERO, limit=cap or ZERO, unit=asset
    )
    return Ceiling(level, ONE, "the transfer")
