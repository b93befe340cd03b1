"""Exchanges with one fault each in what guards an account, and the checks that it must fail: those and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
from readytrader_sdk.orders import ExecutionReport
from readytrader_sdk.ports import KeyRights

from tests.sdk.faulty_exchanges import Exchange


class HasATimeOfItsOwn(Exchange):
    async def venue_time(self) -> datetime:
        return datetime.now(UTC) - timedelta(hours=1)


class TellsLocalTime(Exchange):
    async def venue_time(self) -> datetime:
        return datetime.now(UTC).replace(tzinfo=None)


class GoesBackInTime(Exchange):
    async def venue_time(self) -> datetime:
        self.calls += 1
        return datetime.now(UTC) - timedelta(seconds=self.calls)


class WritesRightsAsText(Exchange):
    async def key_rights(self) -> KeyRights:
        return KeyRights(can_trade=True, can_withdraw="no")  # type: ignore[arg-type] # the fault


class EndsWithoutAZone(Exchange):
    async def key_rights(self) -> KeyRights:
        return KeyRights(can_trade=True, can_withdraw=False, expires_at=datetime(2027, 1, 1))  # noqa: DTZ001 - the fault


class CancelsNoneOfAll(Exchange):
    async def cancel_all_orders(self) -> None:
        """Nothing happens."""


class TellsNothing(Exchange):
    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        async for report in super().stream_reports():
            if report is None:
                yield report


class TellsOfAnother(Exchange):
    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        async for report in super().stream_reports():
            yield msgspec.structs.replace(report, client_order_id="another")


class TellsOfTomorrow(Exchange):
    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        async for report in super().stream_reports():
            yield msgspec.structs.replace(report, reported_at=report.reported_at + timedelta(days=1))


class EndsByItself(Exchange):
    async def stream_reports(self) -> AsyncIterator[ExecutionReport]:
        for report in ():
            yield report


GUARDS: dict[type[Exchange], set[str]] = {
    HasATimeOfItsOwn: {"the_venue_tells_its_time"},
    TellsLocalTime: {"the_venue_tells_its_time"},
    GoesBackInTime: {"the_venue_tells_its_time"},
    WritesRightsAsText: {"key_rights_are_told"},
    EndsWithoutAZone: {"key_rights_are_told"},
    CancelsNoneOfAll: {"everything_is_cancelled"},
    TellsNothing: {"reports_are_streamed"},
    TellsOfAnother: {"reports_are_streamed"},
    TellsOfTomorrow: {"reports_are_streamed"},
    EndsByItself: {"reports_are_streamed"},
}
