"""Binance's calls about an account: orders, trades, balances, what a key may do, and listen keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct
from readytrader_sdk.instruments import Symbol

from appliance.local_exchange import binance_errors as errors
from appliance.local_exchange import binance_shapes as shapes
from appliance.local_exchange.account import Account, Key
from appliance.local_exchange.binance_errors import BinanceError
from appliance.local_exchange.binance_names import Names, amount
from appliance.local_exchange.binance_requests import client_id, decimal, new_id, order_request, text, whole
from appliance.local_exchange.binance_user import ListenKeys
from appliance.local_exchange.faults import Fault
from appliance.local_exchange.model import LocalExchange
from appliance.local_exchange.values import Refused, VenueOrder
from appliance.paper.settings import PaperSettings

LIMIT_DEFAULT = 500
LIMIT_MAX = 1000
RESPONSES = {"ACK": shapes.order_acknowledged, "RESULT": shapes.order_result, "FULL": shapes.order_full}


class Call(Struct, frozen=True, kw_only=True):
    """One call of somebody known."""

    parameters: Mapping[str, str]
    account: Account
    key: Key


class BinancePrivate:
    """Answers to well-signed calls. Each raises `BinanceError` when the answer is an error."""

    def __init__(self, exchange: LocalExchange, names: Names, listen_keys: ListenKeys) -> None:
        self._exchange = exchange
        self._names = names
        self._listen_keys = listen_keys

    def signed(self) -> Mapping[str, Callable[[Call], object]]:
        """Calls that need a signature, by `METHOD /path`."""
        return {
            "POST /api/v3/order": self.place,
            "POST /api/v3/order/test": self.check,
            "GET /api/v3/order": self.query,
            "DELETE /api/v3/order": self.cancel,
            "POST /api/v3/order/cancelReplace": self.cancel_replace,
            "PUT /api/v3/order/amend/keepPriority": self.amend,
            "GET /api/v3/openOrders": self.open_orders,
            "DELETE /api/v3/openOrders": self.cancel_open_orders,
            "GET /api/v3/allOrders": self.all_orders,
            "GET /api/v3/myTrades": self.trades,
            "GET /api/v3/account": self.balances,
            "GET /sapi/v1/account/apiRestrictions": self.key_rights,
            "GET /sapi/v1/capital/config/getall": self.coins,
        }

    def keyed(self) -> Mapping[str, Callable[[Call], object]]:
        """Calls that need a key alone, by `METHOD /path`."""
        return {
            "POST /api/v3/userDataStream": lambda call: {"listenKey": self._listen_keys.issue(call.account)},
            "PUT /api/v3/userDataStream": self._renew_listen_key,
            "DELETE /api/v3/userDataStream": self._close_listen_key,
        }

    # orders

    def place(self, call: Call) -> object:
        """`POST /api/v3/order`."""
        self._require_trading(call)
        name = text(call.parameters, "symbol")
        request = order_request(call.parameters, self._names.display(name))
        kind = call.parameters.get("newOrderRespType")
        if kind is None:
            kind = "FULL" if call.parameters["type"] in ("MARKET", "LIMIT") else "ACK"
        if kind not in RESPONSES:
            raise BinanceError(-1136, "Invalid newOrderRespType.")
        try:
            order = self._exchange.place(call.account, request)
        except Refused as refused:
            raise errors.on_place(refused) from refused
        return RESPONSES[kind](order, name)

    def check(self, call: Call) -> object:
        """`POST /api/v3/order/test`: looks at the form of an order and does nothing."""
        order_request(call.parameters, self._names.display(text(call.parameters, "symbol")))
        return {}

    def query(self, call: Call) -> object:
        """`GET /api/v3/order`."""
        order, name = self._find(call, errors.NO_SUCH_ORDER)
        return shapes.order_queried(order, name)

    def cancel(self, call: Call) -> object:
        """`DELETE /api/v3/order`."""
        self._require_trading(call)
        order, name = self._find(call, errors.UNKNOWN_TO_CANCEL)
        return self._cancel(call, order, name)

    def _cancel(self, call: Call, order: VenueOrder, name: str) -> shapes.Shape:
        cancel_id = client_id(call.parameters, "newClientOrderId") if "side" not in call.parameters else new_id()
        try:
            cancelled = self._exchange.cancel(call.account, order.order_id)
        except Refused as refused:
            raise errors.on_cancel(refused) from refused
        return shapes.order_cancelled(cancelled, name, cancel_id)

    def cancel_replace(self, call: Call) -> object:
        """`POST /api/v3/order/cancelReplace`: two steps; what came of each is told."""
        self._require_trading(call)
        mode = text(call.parameters, "cancelReplaceMode")
        if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
            raise errors.malformed("cancelReplaceMode")
        name = text(call.parameters, "symbol")
        order_request(call.parameters, self._names.display(name))
        try:
            order, name = self._find(call, errors.UNKNOWN_TO_CANCEL, "cancelOrderId", "cancelOrigClientOrderId")
            cancelled: object = self._cancel(call, order, name)
            cancel_result = "SUCCESS"
        except BinanceError as error:
            cancelled, cancel_result = error.body, "FAILURE"
        placed: object = None
        place_result = "NOT_ATTEMPTED"
        if cancel_result == "SUCCESS" or mode == "ALLOW_FAILURE":
            try:
                placed, place_result = self.place(call), "SUCCESS"
            except BinanceError as error:
                placed, place_result = error.body, "FAILURE"
        data = {
            "cancelResult": cancel_result,
            "newOrderResult": place_result,
            "cancelResponse": cancelled,
            "newOrderResponse": placed,
        }
        if cancel_result == place_result == "SUCCESS":
            return data
        if "SUCCESS" in (cancel_result, place_result):
            raise BinanceError(-2021, "Order cancel-replace partially failed.", 409, data)
        raise BinanceError(-2022, "Order cancel-replace failed.", 400, data)

    def amend(self, call: Call) -> object:
        """`PUT /api/v3/order/amend/keepPriority`: a smaller quantity, in the same place."""
        self._require_trading(call)
        order, name = self._find(call, errors.NO_SUCH_ORDER)
        wanted = decimal(call.parameters, "newQty")
        if wanted is None:
            raise errors.missing("newQty")
        if wanted >= order.request.quantity:
            raise BinanceError(-2038, "The requested action would change no state; rejecting.")
        new_client_id = client_id(call.parameters, "newClientOrderId")
        try:
            amended = self._exchange.amend(call.account, order.order_id, quantity=wanted, client_order_id=new_client_id)
        except Refused as refused:
            raise errors.on_cancel(refused) from refused
        return {
            "transactTime": amended.updated_ms,
            "executionId": amended.updated_ms,
            "amendedOrder": shapes.order_queried(amended, name)
            | {"qty": amount(amended.request.quantity), "executedQty": amount(amended.filled), "preventedQty": "0"},
        }

    def open_orders(self, call: Call) -> object:
        """`GET /api/v3/openOrders`."""
        symbol = self._symbol(call)
        orders = self._exchange.open_orders(call.account, symbol)
        return [shapes.order_queried(order, self._names.name(order.request.symbol)) for order in orders]

    def cancel_open_orders(self, call: Call) -> object:
        """`DELETE /api/v3/openOrders`."""
        self._require_trading(call)
        name = text(call.parameters, "symbol")
        symbol = self._names.display(name).instrument.symbol
        if self._exchange.faults.take(Fault.CANCEL_REFUSED, "DELETE /api/v3/openOrders"):
            raise BinanceError(-2011, "Order was not canceled due to cancel restrictions.")
        cancelled = self._exchange.cancel_all(call.account, symbol)
        if not cancelled:
            raise errors.UNKNOWN_TO_CANCEL
        return [shapes.order_cancelled(order, name, new_id()) for order in cancelled]

    def all_orders(self, call: Call) -> object:
        """`GET /api/v3/allOrders`: the newest, or those from `orderId` or `startTime` on, oldest first."""
        name = text(call.parameters, "symbol")
        orders = self._exchange.orders(call.account, self._names.display(name).instrument.symbol)
        first, limit = whole(call.parameters, "orderId"), _limit(call)
        start, end = whole(call.parameters, "startTime"), whole(call.parameters, "endTime")
        if first is not None:
            orders = [order for order in orders if order.order_id >= first]
        orders = [order for order in orders if _is_within(order.created_ms, start, end)]
        page = orders[-limit:] if first is None and start is None else orders[:limit]
        return [shapes.order_queried(order, name) for order in page]

    def trades(self, call: Call) -> object:
        """`GET /api/v3/myTrades`: of an order, or the newest, or those from `fromId` or `startTime` on."""
        name = text(call.parameters, "symbol")
        symbol = self._names.display(name).instrument.symbol
        number, first, limit = whole(call.parameters, "orderId"), whole(call.parameters, "fromId"), _limit(call)
        start, end = whole(call.parameters, "startTime"), whole(call.parameters, "endTime")
        if number is not None:
            order = self._exchange.find(call.account, number)
            fills = list(order.fills) if order is not None and order.request.symbol == symbol else []
        else:
            fills = self._exchange.fills(call.account, symbol)
        if first is not None:
            fills = [fill for fill in fills if fill.trade_id >= first]
        if start is not None or end is not None:
            fills = [fill for fill in fills if _is_within(fill.at_ms, start, end)]
        page = fills[-limit:] if first is None and start is None else fills[:limit]
        return [shapes.own_trade(fill, name) for fill in page]

    # the account

    def balances(self, call: Call) -> object:
        """`GET /api/v3/account`."""
        settings = self._exchange.settings
        return {
            "makerCommission": _basis_points(settings, "maker_fee_pct"),
            "takerCommission": _basis_points(settings, "taker_fee_pct"),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {
                "maker": amount(settings.maker_fee_rate),
                "taker": amount(settings.taker_fee_rate),
                "buyer": amount(None),
                "seller": amount(None),
            },
            "canTrade": call.key.can_trade,
            "canWithdraw": True,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._exchange.now_ms(),
            "accountType": "SPOT",
            "balances": [
                {"asset": item.asset, "free": amount(item.free), "locked": amount(item.total - item.free)}
                for item in call.account.balances()
            ],
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def key_rights(self, call: Call) -> object:
        """`GET /sapi/v1/account/apiRestrictions`."""
        is_claimed = self._exchange.faults.take(Fault.WITHDRAW_ENABLED_KEY, "GET /sapi/v1/account/apiRestrictions")
        return {
            "ipRestrict": False,
            "createTime": self._exchange.now_ms() - 86_400_000,
            "enableReading": True,
            "enableWithdrawals": call.key.can_withdraw or is_claimed,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": call.key.can_trade,
            "enablePortfolioMarginTrading": False,
        }

    def coins(self, call: Call) -> object:
        """`GET /sapi/v1/capital/config/getall`, without networks: nothing can be sent anywhere."""
        return [
            {
                "coin": item.asset,
                "name": item.asset,
                "depositAllEnable": False,
                "withdrawAllEnable": False,
                "free": amount(item.free),
                "locked": amount(item.total - item.free),
                "isLegalMoney": False,
                "trading": True,
                "networkList": [],
            }
            for item in call.account.balances()
        ]

    def _renew_listen_key(self, call: Call) -> object:
        if self._listen_keys.account(text(call.parameters, "listenKey")) is None:
            raise errors.NO_LISTEN_KEY
        return {}

    def _close_listen_key(self, call: Call) -> object:
        if not self._listen_keys.withdraw(text(call.parameters, "listenKey")):
            raise errors.NO_LISTEN_KEY
        return {}

    # who and which

    def _require_trading(self, call: Call) -> None:
        if not call.key.can_trade:
            raise errors.BAD_KEY

    def _symbol(self, call: Call) -> Symbol | None:
        name = call.parameters.get("symbol")
        return None if name is None else self._names.display(name).instrument.symbol

    def _find(
        self, call: Call, unknown: BinanceError, number_name: str = "orderId", id_name: str = "origClientOrderId"
    ) -> tuple[VenueOrder, str]:
        """The order that a call is about, and its instrument's name. Raises `unknown`."""
        name = text(call.parameters, "symbol")
        symbol = self._names.display(name).instrument.symbol
        number, own_id = whole(call.parameters, number_name), call.parameters.get(id_name)
        if number is None and own_id is None:
            raise errors.BinanceError(-1102, f"Param '{number_name}' or '{id_name}' must be sent, but both were empty!")
        if number is not None:
            order = self._exchange.find(call.account, number)
        else:
            order = self._exchange.find_by_client_id(call.account, own_id or "")
        if order is None or order.request.symbol != symbol:
            raise unknown
        return order, name


def _limit(call: Call) -> int:
    limit = whole(call.parameters, "limit")
    return LIMIT_DEFAULT if limit is None else min(limit, LIMIT_MAX)


def _is_within(at_ms: int, start: int | None, end: int | None) -> bool:
    return (start is None or at_ms >= start) and (end is None or at_ms <= end)


def _basis_points(settings: PaperSettings, name: str) -> int:
    return int(getattr(settings, name) * 100)
