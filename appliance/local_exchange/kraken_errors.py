"""Kraken's error texts, word for word, and which of them the exchange's refusals become.

Almost every refusal comes with HTTP 200 and `{"error": ["<severity><category>:<words>"]}`; clients tell them apart by
the words alone, so a letter here matters. Sources: docs.kraken.com, Error messages; what a duplicated client order ID
and a cancelled, filled or never minted order are answered was observed on the venue and published by others.
"""

from __future__ import annotations

from enum import StrEnum

from appliance.local_exchange.values import Refusal, Refused
from appliance.paper.reasons import Reason


class KrakenError(StrEnum):
    INVALID_KEY = "EAPI:Invalid key"
    INVALID_SIGNATURE = "EAPI:Invalid signature"
    INVALID_NONCE = "EAPI:Invalid nonce"
    API_RATE_LIMIT = "EAPI:Rate limit exceeded"
    PERMISSION_DENIED = "EGeneral:Permission denied"
    INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
    INVALID_PRICE_ARGUMENT = "EGeneral:Invalid arguments:price"
    INVALID_VOLUME_ARGUMENT = "EGeneral:Invalid arguments:volume"
    CLIENT_ORDER_ID_NOT_UNIQUE = "EGeneral:Invalid arguments:cl_ord_id not unique"
    UNKNOWN_METHOD = "EGeneral:Unknown method"
    INTERNAL = "EGeneral:Internal error"
    UNKNOWN_PAIR = "EQuery:Unknown asset pair"
    UNKNOWN_ASSET = "EQuery:Unknown asset"
    INSUFFICIENT_FUNDS = "EOrder:Insufficient funds"
    UNKNOWN_ORDER = "EOrder:Unknown order"
    INVALID_ORDER = "EOrder:Invalid order"
    """Said of an order ID that Kraken never minted."""
    CANCEL_PENDING = "EOrder:Cancel pending"
    ORDER_RATE_LIMIT = "EOrder:Rate limit exceeded"
    ORDER_MINIMUM = "EOrder:Order minimum not met"
    COST_MINIMUM = "EOrder:Cost minimum not met"
    TICK_SIZE = "EOrder:Tick size check failed"
    POST_ONLY = "EOrder:Post only order"
    UNAVAILABLE = "EService:Unavailable"
    BUSY = "EService:Busy"
    DEADLINE_ELAPSED = "EService:Deadline elapsed"
    CANCEL_ONLY = "EService:Market in cancel_only mode"
    INVALID_SESSION = "ESession:Invalid session"


class KrakenRefusal(Exception):
    """A request that is answered with one of Kraken's errors."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = str(error)


_BY_REASON: dict[Reason | Refusal, KrakenError] = {
    Reason.DUPLICATE_CLIENT_ORDER_ID: KrakenError.CLIENT_ORDER_ID_NOT_UNIQUE,
    Reason.UNKNOWN_INSTRUMENT: KrakenError.UNKNOWN_PAIR,
    Reason.INSTRUMENT_NOT_TRADING: KrakenError.CANCEL_ONLY,
    Reason.QUANTITY: KrakenError.INVALID_VOLUME_ARGUMENT,
    Reason.QUANTITY_MIN: KrakenError.ORDER_MINIMUM,
    Reason.INCREMENT: KrakenError.TICK_SIZE,
    Reason.PRICE: KrakenError.INVALID_PRICE_ARGUMENT,
    Reason.TIME_IN_FORCE: KrakenError.INVALID_ARGUMENTS,
    Reason.NOTIONAL_MIN: KrakenError.COST_MINIMUM,
    Reason.INSUFFICIENT_BALANCE: KrakenError.INSUFFICIENT_FUNDS,
    Reason.UNKNOWN_ORDER: KrakenError.UNKNOWN_ORDER,
    Reason.NOT_OPEN: KrakenError.UNKNOWN_ORDER,
    Reason.POST_ONLY_WOULD_TAKE: KrakenError.POST_ONLY,
    Refusal.CANCEL_REFUSED: KrakenError.CANCEL_PENDING,
    Refusal.AMEND: KrakenError.INVALID_ARGUMENTS,
}


def refusal_of(refused: Refused) -> KrakenRefusal:
    """The exchange's refusal in Kraken's words; `EOrder:Invalid order` for one that has none of its own."""
    return KrakenRefusal(_BY_REASON.get(refused.reason, KrakenError.INVALID_ORDER))
