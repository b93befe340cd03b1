"""Looks things up wherever they are: in memory while they are recent, in the store for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

import msgspec
from readytrader_sdk.orders import ClientOrderId

from appliance.domain.events import ProposalState
from appliance.domain.intents import RequestId
from appliance.domain.limit_changes import LimitChange
from appliance.domain.notices import NoticeRecord
from appliance.domain.orders import Order
from appliance.domain.proposals import ProposalRecord
from appliance.domain.state import KeyBinding, State
from appliance.store.journal import Journal

ValueT = TypeVar("ValueT", bound=msgspec.Struct)


PAGE = 200
"""Records read at once."""


class UnknownPlace(ValueError):
    """Not what a page said comes next."""


def _place(text: str) -> tuple[datetime, str]:
    at, _, record_id = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise UnknownPlace(f"{text[:64]!r} is not what a page said comes next") from None
    if moment.tzinfo is None or not record_id:
        raise UnknownPlace(f"{text[:64]!r} is not what a page said comes next")
    return moment, record_id


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

    def proposals(
        self, limit: int, before: str | None = None, state: ProposalState | None = None
    ) -> tuple[list[ProposalRecord], str | None]:
        """Proposals, the newest first, and what to give as `before` for those that follow. Raises `UnknownPlace`."""
        found: list[ProposalRecord] = []
        place = None if before is None else _place(before)
        while True:
            page = self._journal.page("proposal", limit=PAGE, before=place)
            for record in page:
                place = (record.at, record.id)
                known = msgspec.json.decode(record.body, type=ProposalRecord)
                if state is None or known.state is state:
                    found.append(known)
                if len(found) == limit:
                    return found, f"{record.at.isoformat()}~{record.id}"
            if len(page) < PAGE:
                return found, None

    def limit_changes(self, limit: int) -> list[LimitChange]:
        """Changes of limits of any state, the last touched first."""
        page = self._journal.page("limit_change", limit=limit)
        return [msgspec.json.decode(record.body, type=LimitChange) for record in page]

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
