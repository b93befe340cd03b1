"""What a request came to: values that every transport turns into its own text."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from appliance.domain.codes import Code
from appliance.domain.decision import Amount, Denial, Permitted
from appliance.domain.orders import Order
from appliance.domain.proposals import ProposalRecord


class Refused(Struct, frozen=True, kw_only=True):
    """We said no. Nothing was sent."""

    denials: tuple[Denial, ...]
    amount_max: Amount | None = None
    retry_after_s: Decimal | None = None
    """When the same call may succeed, where time alone can mend it."""


class Held(Struct, frozen=True, kw_only=True):
    """A person must decide. The agent learns the ID and nothing that could approve it."""

    record: ProposalRecord
    replayed: bool = False


class Placed(Struct, frozen=True, kw_only=True):
    """It was permitted and sent; the order says how far it got."""

    order: Order
    replayed: bool = False
    """Whether this is the answer to an earlier call with the same idempotency key."""


class WouldPass(Struct, frozen=True, kw_only=True):
    """The answer of a check without an order: these terms would be permitted now."""

    permitted: Permitted


Outcome = Placed | Held | Refused


def refuse(
    code: Code,
    text: str,
    *,
    observed: str | None = None,
    limit: str | None = None,
    retry_after_s: Decimal | None = None,
) -> Refused:
    """A refusal with a single reason, from outside the pipeline."""
    denial = Denial(code=code, text=text, observed=observed, limit=limit)
    return Refused(denials=(denial,), retry_after_s=retry_after_s)
