"""A notice as one Discord message: plain whatever its text holds, and within Discord's limits.

Source of the limits and of the body: Discord's developer documentation, "Execute Webhook" and "Embed Limits". Lengths
are counted in UTF-16 units, the strictest way of counting that is in use.
"""

from __future__ import annotations

from datetime import UTC

import msgspec
from readytrader_sdk.ports import Notice, Severity

from builtin_plugins.notice_text import capped, one_line, plain

CONTENT_MAX = 2000
DESCRIPTION_MAX = 4096
FOOTER_MAX = 512
"""Discord allows 2048; everything in an embed together may be 6000."""

_COLOURS = {Severity.INFO: 0x3498DB, Severity.WARNING: 0xF1C40F, Severity.CRITICAL: 0xE74C3C}
_MARKUP = frozenset("\\*_~`|>#+-=.:/@&<[](){}!")
"""What Discord can take for markup, a link, a mention, an emoji or a time. A backslash before it makes it plain."""


def message_of(notice: Notice) -> bytes:
    """The JSON body that says all of the notice that fits."""
    severity = notice.severity.value.upper()
    footer = f"{notice.notice_id} · checkpoint {notice.checkpoint}" if notice.checkpoint else notice.notice_id
    embed = {
        "description": capped(_escaped(plain(notice.text)), DESCRIPTION_MAX),
        "color": _COLOURS[notice.severity],
        "timestamp": notice.at.astimezone(UTC).isoformat(),
        # A footer shows its text as it is: no markup is read there.
        "footer": {"text": capped(one_line(footer), FOOTER_MAX)},
    }
    content = f"**{severity}** " + capped(_escaped(one_line(notice.subject)), CONTENT_MAX - len(severity) - 5)
    return msgspec.json.encode({"content": content, "embeds": [embed], "allowed_mentions": {"parse": []}})


def _escaped(text: str) -> list[str]:
    """The characters, each with the backslash that it needs: what must not be cut in two."""
    return [f"\\{character}" if character in _MARKUP else character for character in text]
