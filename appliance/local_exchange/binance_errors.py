"""Binance's error codes and texts, as https://developers.binance.com/docs/binance-spot-api-docs/errors has them."""

from __future__ import annotations

from appliance.local_exchange.values import Refusal, Refused
from appliance.paper.reasons import Reason


class BinanceError(Exception):
    """An answer that is an error: an HTTP status, Binance's code, and its text."""

    def __init__(self, code: int, text: str, status: int = 400, data: object = None) -> None:
        super().__init__(f"{code} {text}")
        self.data = data
        self.code = code
        self.text = text
        self.status = status

    @property
    def body(self) -> dict[str, object]:
        """What the client reads."""
        body: dict[str, object] = {"code": self.code, "msg": self.text}
        return body if self.data is None else body | {"data": self.data}


RATE_LIMIT = BinanceError(
    -1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.", status=429
)
RETRY_AFTER_S = 1
TIMEOUT = BinanceError(
    -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    status=408,
)
EXECUTION_UNKNOWN = BinanceError(-1000, "Unknown error, please check your request or try again later.", status=503)
"""The documented text for a 503 whose execution status is unknown."""
MAINTENANCE = BinanceError(-1016, "Service Unavailable.", status=503)
"""Told as plain text; documented as certainly not executed."""
UNKNOWN_SYMBOL = BinanceError(-1121, "Invalid symbol.")
NO_SUCH_ORDER = BinanceError(-2013, "Order does not exist.")
UNKNOWN_TO_CANCEL = BinanceError(-2011, "Unknown order sent.")
BAD_KEY_FORMAT = BinanceError(-2014, "API-key format invalid.", status=401)
BAD_KEY = BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
BAD_SIGNATURE = BinanceError(-1022, "Signature for this request is not valid.")
AHEAD = BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
OUTSIDE_WINDOW = BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")
WINDOW_TOO_LONG = BinanceError(-1131, "recvWindow must be less than 60000")
STOP_WOULD_TRIGGER = BinanceError(-2010, "Stop price would trigger immediately.")
NO_LISTEN_KEY = BinanceError(-1125, "This listenKey does not exist.")

_TO_PLACE: dict[Reason | Refusal, tuple[int, str]] = {
    Reason.DUPLICATE_CLIENT_ORDER_ID: (-2010, "Duplicate order sent."),
    Reason.UNKNOWN_INSTRUMENT: (-1121, "Invalid symbol."),
    Reason.INSTRUMENT_NOT_TRADING: (-1013, "Market is closed."),
    Reason.MARKET_TYPE: (-1013, "Market is closed."),
    Reason.QUANTITY: (-1013, "Invalid quantity."),
    Reason.QUANTITY_MIN: (-1013, "Filter failure: LOT_SIZE"),
    Reason.PRICE: (-1013, "Invalid price."),
    Reason.TIME_IN_FORCE: (-1115, "Invalid timeInForce."),
    Reason.NOTIONAL_MIN: (-1013, "Filter failure: NOTIONAL"),
    Reason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Reason.NO_MARKET: (-2010, "Order book liquidity is less than LOT_SIZE filter minimum quantity."),
    Reason.POST_ONLY_WOULD_TAKE: (-2010, "Order would immediately match and take."),
}
_TO_CANCEL: dict[Reason | Refusal, tuple[int, str]] = {
    Reason.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
    Reason.NOT_OPEN: (-2011, "Unknown order sent."),
    Refusal.CANCEL_REFUSED: (-2011, "Order was not canceled due to cancel restrictions."),
    Refusal.AMEND: (-2038, "The requested action would change no state; rejecting."),
    Reason.DUPLICATE_CLIENT_ORDER_ID: (-2010, "Duplicate order sent."),
}


def on_place(refused: Refused) -> BinanceError:
    """What Binance says when it does not take an order."""
    code, text = _TO_PLACE.get(refused.reason, (-2010, "This action is disabled on this account."))
    return BinanceError(code, text)


def on_cancel(refused: Refused) -> BinanceError:
    """What Binance says when it does not cancel or amend one."""
    code, text = _TO_CANCEL.get(refused.reason, (-2011, "Unknown order sent."))
    return BinanceError(code, text)


def missing(name: str) -> BinanceError:
    """A mandatory parameter is not there."""
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def malformed(name: str) -> BinanceError:
    """A parameter has characters that it cannot have."""
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'.")
