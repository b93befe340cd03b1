"""What the port asks of a venue. The methods speak ccxt's structures, and raise whatever ccxt raises.

Each is one question or one deed: repeating, judging errors and translating are done around them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from readytrader_sdk.errors import Unsupported
from readytrader_sdk.ports import KeyRights

from builtin_plugins.ccxt_exchange.client import Client
from builtin_plugins.ccxt_exchange.orders import Outgoing
from builtin_plugins.ccxt_exchange.reports import Seen
from builtin_plugins.ccxt_exchange.symbols import Market

Order = Mapping[str, Any]
"""An order as ccxt has it."""
Trade = Mapping[str, Any]
"""A trade as ccxt has it."""


class Dialect(ABC):
    """One venue's way of asking."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.api: Any = client.api

    @property
    def can_say_absent(self) -> bool:
        """Whether an order that is found in no list is none; else `look` raises `Unsupported` of such an order."""
        return True

    @abstractmethod
    async def place(self, market: Market, out: Outgoing) -> Order:
        """Send one order: one request, which carries its ID."""

    async def replace(self, market: Market, replaced: str, out: Outgoing) -> Order | None:  # noqa: ARG002 - for venues that can
        """Cancel `replaced` and place `out` in one request; None where the venue has none for it: nothing was sent."""
        return None

    @abstractmethod
    async def cancel(self, market: Market, wire_id: str) -> None:
        """Ask for a cancellation, by our ID. Raises `NotThere` where the venue has no such open order."""

    @abstractmethod
    async def look(self, market: Market, wire_id: str) -> Order | None:
        """The order, from every list in which it could be; None only when all of them were read."""

    @abstractmethod
    async def trades(self, market: Market, seen: Seen) -> Sequence[Trade]:
        """All its executions, and perhaps others'."""

    async def open_orders(self) -> Sequence[Order]:
        """All open orders of the account, of the instance's market type."""
        found: Sequence[Order] = await self.client.read(lambda: self.api.fetch_open_orders())
        return found

    async def balances(self) -> Mapping[str, Any]:
        """As ccxt has them."""
        found: Mapping[str, Any] = await self.api.fetch_balance()
        return found

    async def cancel_all(self) -> None:
        """Cancel everything, in as few requests as the venue allows."""
        raise Unsupported("cancel_all_orders is not offered on this venue")

    async def cancel_all_after(self, seconds: int) -> None:
        """Arm or disarm the venue's dead-man's switch."""
        raise Unsupported(f"cancel_all_after({seconds}) is not offered on this venue")

    async def rights(self) -> KeyRights:
        """What the key may do."""
        raise Unsupported("key_rights is not offered on this venue")
