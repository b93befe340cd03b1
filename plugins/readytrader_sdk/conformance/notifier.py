"""Notifiers: every notice arrives or is refused cleanly, whatever its text. Somebody will read these notices."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime

from readytrader_sdk.conformance.checks import expect, promise, shown
from readytrader_sdk.conformance.subjects import NotifierSubject
from readytrader_sdk.errors import PluginError
from readytrader_sdk.kinds import Kind
from readytrader_sdk.ports import Notice, Severity

_SUBJECT = "Conformance test"
LONG_TEXT = "0123456789" * 1000


def _notice(
    text: str = "A test of ReadyTrader's conformance kit: nothing has happened.",
    *,
    subject: str = _SUBJECT,
    severity: Severity = Severity.INFO,
    checkpoint: str | None = None,
) -> Notice:
    return Notice(
        notice_id=f"conformance-{secrets.token_hex(8)}",
        severity=severity,
        subject=subject,
        text=text,
        at=datetime.now(UTC),
        checkpoint=checkpoint,
    )


async def _deliver(subject: NotifierSubject, notice: Notice) -> None:
    answer: object = await _answer(subject, notice)
    expect(answer is None, f"expected no answer, got {shown(answer)}")


async def _answer(subject: NotifierSubject, notice: Notice) -> object:
    result: object = await subject.notifier.notify(notice)  # type: ignore[func-returns-value]  # what if it does?
    return result


async def _deliver_or_refuse(subject: NotifierSubject, notice: Notice) -> None:
    try:
        await _answer(subject, notice)
    except PluginError as fault:
        expect(notice.text not in str(fault), "the error repeats the notice's text")


@promise(Kind.NOTIFIER, "A notice is delivered.")
async def a_notice_is_delivered(subject: NotifierSubject) -> None:
    await _deliver(subject, _notice())


@promise(Kind.NOTIFIER, "Notices of every severity are delivered.")
async def every_severity_is_delivered(subject: NotifierSubject) -> None:
    for severity in Severity:
        await _deliver(subject, _notice(severity=severity))


@promise(Kind.NOTIFIER, "A notice with a checkpoint is delivered.")
async def a_checkpoint_is_delivered(subject: NotifierSubject) -> None:
    await _deliver(subject, _notice(checkpoint="12345 3q2+7w=="))


@promise(Kind.NOTIFIER, "The same notice can be delivered again.")
async def a_notice_can_be_repeated(subject: NotifierSubject) -> None:
    notice = _notice("This notice comes twice.")
    await _deliver(subject, notice)
    await _deliver(subject, notice)


@promise(Kind.NOTIFIER, "Several notices at once are all delivered.")
async def notices_at_once_are_delivered(subject: NotifierSubject) -> None:
    await asyncio.gather(*(_deliver(subject, _notice(f"One of three at once: {number}.")) for number in range(3)))


@promise(Kind.NOTIFIER, "Markup, links and mentions are delivered as text or refused cleanly.")
async def markup_is_survived(subject: NotifierSubject) -> None:
    for text in (
        "**bold** _it_ `code` ``` ~~gone~~ # head > quote [link](https://example.com) ||hidden||",
        "@everyone @here <@1> <@&1> <#1> <!channel> <!here> <https://example.com|click>",
        '<script>alert("x")</script> <b>&amp;</b> {{7*7}} ${jndi} %s %n \\u0000 \\" \' ; --',
    ):
        await _deliver_or_refuse(subject, _notice(text, subject=text[:60]))


@promise(Kind.NOTIFIER, "Control characters and odd Unicode are delivered or refused cleanly.")
async def control_characters_are_survived(subject: NotifierSubject) -> None:
    for text in (
        "a\x00b\x07c\x1b[31md\x7fe\x9bf",
        "one\r\ntwo\rX-Header: three\n\nfour\u2028five",
        "right\u202eleft\u2066\ufeff zero\u200bwidth 🂡 e\u0301 \U0010fffd",
    ):
        await _deliver_or_refuse(subject, _notice(text, subject=text))


@promise(Kind.NOTIFIER, "A text of 10,000 characters is delivered, cut where it must be, or refused cleanly.")
async def a_long_text_is_survived(subject: NotifierSubject) -> None:
    await _deliver_or_refuse(subject, _notice(LONG_TEXT))


@promise(Kind.NOTIFIER, "An empty subject and an empty text are delivered or refused cleanly.")
async def an_empty_text_is_survived(subject: NotifierSubject) -> None:
    await _deliver_or_refuse(subject, _notice(" ", subject=""))
