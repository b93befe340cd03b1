"""A notice as one mail: plain text, and no header but ours whatever the notice holds.

Source: RFC 5322 (format), RFC 2047 (words in headers), RFC 3834 (Auto-Submitted); written by the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from readytrader_sdk.ports import Notice, Severity

from builtin_plugins.notice_text import capped, footing, headline, one_line, plain

SUBJECT_MAX = 200
TEXT_MAX = 20_000
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]")


def mail_of(notice: Notice, sender: str, recipients: Sequence[str]) -> bytes:
    """The mail's bytes, lines ended with CR LF."""
    mail = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2]
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Subject"] = capped(f"[ReadyTrader] {headline(notice)}", SUBJECT_MAX)
    mail["Date"] = format_datetime(notice.at.astimezone(UTC))
    mail["Message-ID"] = f"<{_NOT_IN_AN_ID.sub('-', notice.notice_id)[:100] or 'notice'}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if notice.severity is Severity.CRITICAL:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    text = capped(plain(notice.text).strip(), TEXT_MAX)
    mail.set_content(f"{one_line(notice.subject)}\n\n{text}\n\n-- \n{footing(notice)}\n", cte="quoted-printable")
    return mail.as_bytes()
