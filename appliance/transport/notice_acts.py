"""What an operator may do with notices: look, try a notifier, send again, call one read."""

from __future__ import annotations

from msgspec import Struct

from appliance.domain.notices import NoticeRecord
from appliance.domain.operators import Person
from appliance.service.core import Core
from appliance.transport import notice_results as results
from appliance.transport import operator_wire as wire
from appliance.transport.foreign_text import printable
from appliance.transport.operator_results import Done

NoticeVerb = wire.ListNotices | wire.TryNotifier | wire.ResendNotice | wire.DismissNotice
UNTOLD_SHOWN = 20


async def notice_act(core: Core, verb: NoticeVerb, person: Person) -> Struct | list[Struct]:
    """Carry out one of these verbs. Raises `NoNotice` and `JournalUnavailable`."""
    notices = core.notices
    match verb:
        case wire.ListNotices(failed=True, limit=limit):
            return [notice_view(notice) for notice in reversed(notices.failed()[-limit:])]
        case wire.ListNotices(limit=limit):
            return [notice_view(notice) for notice in core.history.notices(limit)]
        case wire.TryNotifier(name=name):
            problem = await notices.test(name, person.name)
            return results.Tested(
                delivered=problem is None, problem=None if problem is None else printable(problem, 300)
            )
        case wire.ResendNotice(notice_id=notice_id):
            return results.Resent(to=await notices.resend(notice_id, person.name))
        case wire.DismissNotice(notice_id=notice_id):
            await notices.dismiss(notice_id, person.name)
            return Done()


def notice_view(notice: NoticeRecord) -> results.NoticeView:
    """A notice with what became of it."""
    return results.NoticeView(
        notice_id=notice.notice_id,
        about=notice.about,
        severity=notice.severity,
        subject=notice.subject,
        text=notice.text,
        repeats=notice.repeats,
        by=printable(notice.by, 100),
        made_at=notice.made_at,
        deliveries=tuple(
            results.DeliveryView(
                notifier=it.notifier,
                state=it.state,
                attempts=it.attempts,
                at=it.at,
                reason=None if it.reason is None else printable(it.reason, 300),
            )
            for it in notice.deliveries
        ),
        seen_by=None if notice.seen_by is None else printable(notice.seen_by, 100),
    )


def notices_status(core: Core) -> results.NoticesStatus:
    """Whether people are being reached."""
    return results.NoticesStatus(
        notifiers=tuple(
            results.NotifierView(
                name=it.name,
                waiting=len(it),
                delivered_at=it.delivered_at,
                problem=None if it.problem is None else printable(it.problem, 300),
            )
            for it in core.notices.outboxes
        ),
        failed=len(core.notices.failed()),
        untold=tuple(map(notice_view, core.notices.untold()[-UNTOLD_SHOWN:])),
    )
