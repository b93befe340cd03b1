"""What people were told, and what did not reach them."""

from __future__ import annotations

from litestar import get, post
from litestar.params import FromPath, FromQuery
from msgspec import Struct

from appliance.transport import operator_wire as wire
from appliance.transport.notice_results import NoticeView, Resent, Tested
from appliance.transport.operator_http.signed_in import OPERATOR, VIEWER, Asked
from appliance.transport.operator_results import Done


class Notices(Struct, frozen=True, kw_only=True):
    notices: list[NoticeView]


@get("/api/notices", opt=VIEWER)
async def notices(asking: Asked, failed: FromQuery[bool] = False, limit: FromQuery[wire.PageSize] = 50) -> Notices:
    """Notices, newest first; `failed`: those that were given up and that nobody has read."""
    return Notices(notices=await asking.many(wire.ListNotices(failed=failed, limit=limit), NoticeView))


@post("/api/notices/{notice_id:str}/resend", opt=OPERATOR, status_code=200)
async def resend(asking: Asked, notice_id: FromPath[wire.Name]) -> Resent:
    """Send one that was given up again."""
    return await asking.one(wire.ResendNotice(notice_id=notice_id), Resent)


@post("/api/notices/{notice_id:str}/dismiss", opt=OPERATOR, status_code=200)
async def dismiss(asking: Asked, notice_id: FromPath[wire.Name]) -> Done:
    """Call one that was given up read."""
    return await asking.one(wire.DismissNotice(notice_id=notice_id), Done)


@post("/api/notifiers/{name:str}/test", opt=OPERATOR, status_code=200)
async def test(asking: Asked, name: FromPath[wire.Name]) -> Tested:
    """Send a harmless notice through one notifier, and wait some seconds for its outcome."""
    return await asking.one(wire.TryNotifier(name=name), Tested)


ROUTES = (notices, resend, dismiss, test)
