"""The three answers of the pipeline: permit, proposal, denied."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Asset, VenueId
from readytrader_sdk.orders import ClientOrderId, OrderRequest
from readytrader_sdk.ports import TransferRequest

from appliance.domain.codes import Code
from appliance.domain.intents import RequestId


class Amount(Struct, frozen=True, kw_only=True):
    """A number with its unit."""

    value: Decimal
    asset: Asset


class Denial(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule's refusal: what was seen, what is allowed, in which unit."""

    code: Code
    text: str
    observed: str | None = None
    limit: str | None = None
    unit: str | None = None


class Denied(Struct, frozen=True, kw_only=True, tag="denied"):
    """Refused by us, with every reason at once."""

    request_id: RequestId
    denials: tuple[Denial, ...]
    amount_max: Amount | None
    """The largest amount of the same request that would pass now; None when size is not what is wrong."""


class Action(StrEnum):
    """The calls of a port that move value."""

    PLACE = "place"
    REPLACE = "replace"
    TRANSFER = "transfer"
    LEND = "lend"
    SIGN_TRANSACTION = "sign_transaction"
    SIGN_TYPED_DATA = "sign_typed_data"
    SUBMIT = "submit"


Payload = OrderRequest | TransferRequest


class Terms(Struct, frozen=True, kw_only=True):
    """The worst that a permitted request can do."""

    price_worst: Decimal
    notional: Decimal
    """At the worst price, in the accounting asset."""
    pay: Amount
    """The most that it can take, fees included: what is reserved."""
    receive: Amount | None
    """The most that it can bring in."""
    reduces: bool
    """Whether it is an exit: it shrinks a position and brings in cash."""


class Permit(Struct, frozen=True, kw_only=True, tag="permit"):
    """Leave to make one call, once, with exactly this payload, before it expires. Made in `pipeline.decide` alone."""

    request_id: RequestId
    action: Action
    venue: VenueId
    """The venue, chain or signer that the call goes to: a permit for one opens no other."""
    payload_digest: str
    issued_at: datetime
    expires_at: datetime
    replaces: ClientOrderId | None = None


class SignedPermit(Struct, frozen=True, kw_only=True):
    """A permit with the core's Ed25519 signature over its canonical JSON."""

    permit: Permit
    signature: bytes


class Permitted(Struct, frozen=True, kw_only=True, tag="permitted"):
    """The pipeline's yes: the permit, the exact call it is for, and the worst that call can do."""

    permit: Permit
    payload: Payload
    terms: Terms


class Proposal(Struct, frozen=True, kw_only=True, tag="proposal"):
    """Every rule passes, and a person must agree first."""

    request_id: RequestId
    intent_digest: str
    reasons: tuple[Denial, ...]
    """Why a person is asked; the same shape as a denial."""
    terms: Terms
    expires_at: datetime
    people_min: int = 1
    """How many different persons must agree. The default is for entries from before it was there."""


Decision = Permitted | Proposal | Denied
