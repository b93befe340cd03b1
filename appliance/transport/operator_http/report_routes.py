"""Files that prove themselves: the journal, gains by year, and what a day was. Streamed; nothing is held in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from litestar import get
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from appliance.service.archive import Archive, NoSuchPlace
from appliance.service.tax import CurrencyChanged
from appliance.service.tax_lots import Method
from appliance.transport.operator_acts import VerbRefused
from appliance.transport.operator_http.signed_in import ADMIN, VIEWER, Asked


class ExportForm(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class ReportForm(StrEnum):
    JSON = "json"
    """For programs and the page: one object, without the seal."""
    JSONL = "jsonl"
    """The same with the seal in a second line."""
    CSV = "csv"
    TEXT = "text"


_MEDIA = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}


@get("/api/audit/export", opt=ADMIN)
async def audit_export(
    state: State,
    asking: Asked,
    form: Annotated[ExportForm, QueryParameter(name="format")] = ExportForm.JSONL,
    first: Annotated[int, QueryParameter(name="from", ge=0, le=1 << 53)] = 0,
    last: Annotated[int | None, QueryParameter(name="to", ge=0, le=1 << 53)] = None,
) -> Stream:
    """Entries with all that is needed to verify them offline: `readytrader audit verify --file`."""
    archive: Archive = state.core.archive
    try:
        chunks = await archive.taken_out(asking.person.name, form, first, last)
    except NoSuchPlace as fault:
        raise VerbRefused(str(fault)) from fault
    return _stream(chunks, f"journal-{first}.{form}", form)


@get("/api/reports/tax", opt=VIEWER)
async def tax(
    state: State,
    method: FromQuery[Method] = Method.FIFO,
    year: Annotated[int | None, QueryParameter(ge=2000, le=9999)] = None,
    form: Annotated[ReportForm, QueryParameter(name="format")] = ReportForm.JSON,
) -> Stream:
    """Gains and losses by asset and year."""
    archive: Archive = state.core.archive
    try:
        chunks = await archive.tax(method, year, form)
    except CurrencyChanged as fault:
        raise VerbRefused(str(fault)) from fault
    return _stream(chunks, f"tax-{method}-{year or 'all'}.{form}", form)


@get("/api/reports/daily", opt=VIEWER)
async def daily(
    state: State,
    day: FromQuery[date | None] = None,
    form: Annotated[ReportForm, QueryParameter(name="format")] = ReportForm.JSON,
) -> Stream:
    """What a day (UTC) was; yesterday where none is asked for."""
    archive: Archive = state.core.archive
    wanted = day or state.core.clock().date() - timedelta(days=1)
    return _stream(await archive.daily(wanted, form), f"day-{wanted}.{form}", form)


def _stream(chunks: AsyncIterator[bytes], name: str, form: str) -> Stream:
    headers = {} if form == ReportForm.JSON else {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(chunks, media_type=_MEDIA[form], headers=headers)


ROUTES = (audit_export, tax, daily)
