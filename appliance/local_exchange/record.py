"""The venue's own ledger: one JSON line for everything that happened, on the disk's side before anybody is told.

Each line is one `write(2)` to a file opened for appending: a killed process leaves whole lines only (a crash of the
machine may lose the last ones). Who checks a client against it reads nothing else of the exchange.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

import msgspec

from appliance.local_exchange.values import VenueFill, VenueOrder

_encoder = msgspec.json.Encoder(decimal_format="string")


class Record:
    """An append-only file of lines; without a path nothing is kept. Close it, or use it as a context."""

    def __init__(self, path: Path | None) -> None:
        self._descriptor: int | None = None
        if path is not None:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, kind: str, at_ms: int, account: str, **facts: object) -> None:
        """Append one line. Raises `OSError`: what cannot be written down must not happen."""
        if self._descriptor is not None:
            line = _encoder.encode({"kind": kind, "at_ms": at_ms, "account": account, **facts})
            os.write(self._descriptor, line + b"\n")

    def write_order(self, kind: str, account: str, order: VenueOrder) -> None:
        """Append what became of an order: `accepted` has all its terms, later lines what has changed."""
        request = order.request
        facts: dict[str, object] = {"order_id": order.order_id, "client_order_id": request.client_order_id}
        if kind in ("accepted", "amended"):
            facts |= {
                "symbol": request.symbol,
                "side": request.side,
                "type": request.order_type,
                "quantity": request.quantity,
                "limit_price": request.limit_price,
                "stop_price": request.stop_price,
                "time_in_force": request.time_in_force,
            }
        else:
            facts |= {"filled": order.filled, "reason": order.reason}
        self.write(kind, order.updated_ms, account, **facts)

    def write_fill(self, account: str, client_order_id: str | None, fill: VenueFill) -> None:
        """Append one trade of an order."""
        self.write(
            "fill",
            fill.at_ms,
            account,
            order_id=fill.order_id,
            client_order_id=client_order_id,
            trade_id=fill.trade_id,
            symbol=fill.symbol,
            side=fill.side,
            price=fill.price,
            quantity=fill.quantity,
            fee=fill.fee,
            fee_asset=fill.fee_asset,
        )

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Record:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
