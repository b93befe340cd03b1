"""Whether a venue's key may do too much (R46): one that can withdraw is refused, unless a person took the risk."""

from __future__ import annotations

from datetime import datetime

from readytrader_sdk.ports import KeyRights

from appliance.domain.key_risk import KeyRisk


def risk_of(rights: KeyRights | None) -> KeyRisk | None:
    """The risk of using a key with these rights; None where the venue says that it cannot withdraw."""
    if rights is None or rights.can_withdraw is None:
        return KeyRisk.UNVERIFIED
    return KeyRisk.WITHDRAW if rights.can_withdraw else None


def key_problem(rights: KeyRights | None, accepted: frozenset[KeyRisk], now: datetime) -> str | None:
    """Why no order may be sent with this key, or None."""
    if rights is not None and rights.can_trade is False:
        return "its key may not trade"
    if rights is not None and rights.expires_at is not None and rights.expires_at <= now:
        return f"its key expired at {rights.expires_at:%Y-%m-%d %H:%M} UTC"
    risk = risk_of(rights)
    if risk is None or risk in accepted:
        return None
    told = "can withdraw" if risk is KeyRisk.WITHDRAW else "has rights that the venue does not tell"
    return f"its key {told}: use one that cannot withdraw, or accept the risk {risk} by name"
