"""Looks things up wherever they are: in memory while they are recent, in the store for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.intents import RequestId
from appliance.domain.notices import NoticeRecord
from appliance.domain.orders import Order
from appliance.domain.state import KeyBinding, ProposalRecord, State
from appliance.store.journal import Journal

ValueT = TypeVar("ValueT", bound=msgspec.Struct)


class History:
    """Orders, proposals and idempotency keys by their ID, old ones included."""

    def __init__(self, state: State, journal: Journal) -> None:
        self._state = state
        self._journal = journal

    def order(self, client_order_id: ClientOrderId) -> Order | None:
        return self._state.orders.get(client_order_id) or self._stored("order", client_order_id, Order)

    def written_order(self, client_order_id: ClientOrderId) -> Order | None:
        """The order as it is on disk, which is what a restart would find."""
        return self._stored("order", client_order_id, Order)

    def proposal(self, request_id: RequestId) -> ProposalRecord | None:
        return self._state.proposals.get(request_id) or self._stored("proposal", request_id, ProposalRecord)

    def key(self, key_id: str) -> KeyBinding | None:
        return self._state.keys.get(key_id) or self._stored("key", key_id, KeyBinding)

    def orders(self, limit: int) -> Iterator[Order]:
        """The newest orders first, ended ones included; what is not durable yet comes from memory."""
        for record in self._journal.page("order", limit=limit):
            yield self._state.orders.get(ClientOrderId(record.id)) or msgspec.json.decode(record.body, type=Order)

    def notices(self, limit: int) -> Iterator[NoticeRecord]:
        """The notices that something happened to last, those first; what is not durable yet comes from memory."""
        for record in self._journal.page("notice", limit=limit):
            yield self._state.notices.get(record.id) or msgspec.json.decode(record.body, type=NoticeRecord)

    def _stored(self, kind: str, record_id: str, value_type: type[ValueT]) -> ValueT | None:
        record = self._journal.record(kind, record_id)
        return None if record is None else msgspec.json.decode(record.body, type=value_type)
