"""What makes two requests the same, and what makes one the first of its kind."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from readytrader_sdk.instruments import Instrument

from appliance.domain.intents import AgentId, Intent, OrderIntent, SwapIntent, TransferIntent, digest


def idempotency_id(agent_id: AgentId, key: str) -> str:
    """A key belongs to the agent that used it."""
    return f"{agent_id}/{key}"


def shape_of(intent: Intent) -> str:
    """What makes two requests the same: everything but when and by whom. 0.1 and 0.10 are the same quantity."""
    same: dict[str, object] = {
        name: value.normalize()
        for name, value in msgspec.structs.asdict(intent).items()
        if isinstance(value, Decimal) and value.is_finite()
    }
    if isinstance(intent, OrderIntent):
        same["expires_at"] = None
    elif isinstance(intent, TransferIntent):
        same["to_address"] = intent.to_address.lower()
    return digest(msgspec.structs.replace(intent, **same))[:16]


def first_time_key(intent: Intent, instrument: Instrument | None) -> str:
    """What counts as a first time: the instrument, or the address that would be paid."""
    if isinstance(intent, OrderIntent):
        return intent.symbol
    if isinstance(intent, SwapIntent):
        return instrument.symbol if instrument else f"{intent.from_asset}/{intent.to_asset}"
    return intent.to_address.lower()
