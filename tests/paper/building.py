"""Short ways to say what the tests of the paper venue are about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from readytrader_sdk.instruments import Asset, Instrument, Symbol, VenueId
from readytrader_sdk.market import Book, Level, Quote
from readytrader_sdk.money import text_from_decimal
from readytrader_sdk.orders import ClientOrderId, ExecutionReport, OrderRequest, OrderType, Side

from appliance.paper.engine import MatchingEngine, Reports
from appliance.paper.ledger import Ledger
from appliance.paper.settings import PaperSettings

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BTC, USDT = Asset("BTC"), Asset("USDT")
BTC_USDT = Instrument(
    symbol=Symbol("BTC/USDT"),
    base=BTC,
    quote=USDT,
    price_increment=Decimal("0.01"),
    quantity_increment=Decimal("0.001"),
    quantity_min=Decimal("0.002"),
    notional_min=Decimal(5),
)
NO_FEES = PaperSettings(maker_fee_pct=Decimal(0), taker_fee_pct=Decimal(0))


def order(client_order_id: str, side: Side, quantity: str, **changes: Any) -> OrderRequest:
    """A market order, or whatever `changes` make of it; its worst price is 200 or 0.01 unless said."""
    price_worst = Decimal(200) if side is Side.BUY else Decimal("0.01")
    limit_price = changes.get("limit_price")
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId(client_order_id),
        "venue": VenueId("binance"),
        "symbol": BTC_USDT.symbol,
        "side": side,
        "quantity": Decimal(quantity),
        "order_type": OrderType.MARKET if limit_price is None else OrderType.LIMIT,
        "price_worst": price_worst if limit_price is None else Decimal(limit_price),
    }
    for name, value in changes.items():
        fields[name] = Decimal(value) if isinstance(value, str) and "price" in name else value
    return OrderRequest(**fields)


def quote(
    bid: str, ask: str, bid_size: str | None = None, ask_size: str | None = None, symbol: Symbol = BTC_USDT.symbol
) -> Quote:
    return Quote(
        symbol=symbol,
        bid=Decimal(bid),
        ask=Decimal(ask),
        bid_size=None if bid_size is None else Decimal(bid_size),
        ask_size=None if ask_size is None else Decimal(ask_size),
        observed_at=START,
    )


def book(bids: dict[str, str], asks: dict[str, str]) -> Book:
    return Book(symbol=BTC_USDT.symbol, bids=_levels(bids), asks=_levels(asks), observed_at=START)


def _levels(sizes: dict[str, str]) -> tuple[Level, ...]:
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in sizes.items())


def filled(report: ExecutionReport) -> list[tuple[str, str]]:
    """Price and quantity of each fill, as text without trailing zeros."""
    return [(text_from_decimal(fill.price), text_from_decimal(fill.quantity)) for fill in report.fills]


class Desk:
    """An engine with a wallet and a clock that only moves when told."""

    def __init__(self, *, usdt: str = "1000000", btc: str = "1000", settings: PaperSettings = NO_FEES) -> None:
        self.ledger = Ledger()
        self.engine = MatchingEngine([BTC_USDT], self.ledger, settings)
        self.now = START
        self.last: Reports = ()
        """All reports of the latest call."""
        for asset, amount in ((USDT, usdt), (BTC, btc)):
            if Decimal(amount):
                self.ledger.deposit(asset, Decimal(amount))

    def shows(self, bid: str, ask: str, bid_size: str | None = None, ask_size: str | None = None) -> Reports:
        return self._did(self.engine.on_quote(quote(bid, ask, bid_size, ask_size), self.now))

    def shows_book(self, bids: dict[str, str], asks: dict[str, str]) -> Reports:
        return self._did(self.engine.on_book(book(bids, asks), self.now))

    def buy(self, client_order_id: str, quantity: str, **changes: Any) -> ExecutionReport:
        return self.submit(order(client_order_id, Side.BUY, quantity, **changes))

    def sell(self, client_order_id: str, quantity: str, **changes: Any) -> ExecutionReport:
        return self.submit(order(client_order_id, Side.SELL, quantity, **changes))

    def submit(self, request: OrderRequest) -> ExecutionReport:
        return self._did(self.engine.submit(request, self.now))[-1]

    def cancel(self, client_order_id: str) -> ExecutionReport:
        return self._did(self.engine.cancel(ClientOrderId(client_order_id), self.now))[-1]

    def replace(self, replaced: str, request: OrderRequest) -> ExecutionReport:
        return self._did(self.engine.replace(ClientOrderId(replaced), request, self.now))[-1]

    def waits(self, delay: timedelta) -> Reports:
        self.now += delay
        return self._did(self.engine.advance(self.now))

    def finds(self, client_order_id: str) -> ExecutionReport:
        report = self.engine.find(ClientOrderId(client_order_id))
        assert report is not None
        return report

    def has(self, asset: Asset) -> tuple[str, str]:
        """Total and free, as text without trailing zeros."""
        return text_from_decimal(self.ledger.total(asset)), text_from_decimal(self.ledger.free(asset))

    def _did(self, reports: Reports) -> Reports:
        self.last = reports
        return reports
