"""Mutants of notices: writing them down, delivering them, folding them, and what their plugins let out."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

SERVICE = "tests/service"
JOURNAL = f"{SERVICE}/test_notice_journal.py"
DELIVERED = f"{SERVICE}/test_notices.py"
FOLDED = f"{SERVICE}/test_notice_folding.py"
HTTP = "tests/plugins/test_http_notifiers.py"
MAIL = "tests/plugins/test_email_notifier.py"
NOTICES = "appliance/service/notices.py"
OUTBOX = "appliance/service/notice_outbox.py"
FOLDING = "appliance/service/notice_folding.py"
EMAIL = "builtin_plugins/email_notifier/notifier.py"

TELLING = (
    Mutant(
        "a notice is written after its event, or never",
        "appliance/service/recorder.py",
        "beside = [made for event, touched in changes if (made := self._companion(event, touched)) is not None]",
        "beside: list[Event] = []",
        JOURNAL, "on_disk_with_its_event",
    ),
    Mutant(
        "a message is sent before the journal has its event",
        NOTICES, "                    await self._recorder.written()\n", "                    pass\n",
        JOURNAL, "covers_the_very_event",
    ),
    Mutant(
        "a restart forgets what was not delivered",
        NOTICES, "            for name in record.waiting:\n", "            for name in ():\n",
        JOURNAL, "a_restart_delivers",
    ),
    Mutant(
        "what was given up leaves no trace",
        NOTICES, "            self._write(_given_up(notice, name, attempts, fault))\n", "            pass\n",
        JOURNAL, "given_up_can_be_sent_again or on_disk_with",
    ),
    Mutant(
        "an alarm that cannot be written is not told",
        NOTICES, "        self._hand_out(made, self._clock())\n\n    # delivering", "\n    # delivering",
        JOURNAL, "cannot_be_written_down",
    ),
    Mutant(
        "a critical notice that no route takes goes nowhere",
        NOTICES, "return tuple(self._routes) if not takers and severity is Severity.CRITICAL else takers",
        "return takers",
        JOURNAL, "no_route_takes",
    ),
    Mutant(
        "the oldest goes first, however urgent the others are",
        OUTBOX, "return max(due, key=lambda it: RANK[it.notice.severity], default=None)",
        "return due[0] if due else None",
        DELIVERED, "most_urgent_goes_first",
    ),
    Mutant(
        "a service that asks for patience is called again at once",
        OUTBOX, "letter.due = self._left_alone_until = now + asked", "letter.due = now",
        DELIVERED, "left_alone",
    ),
    Mutant(
        "what is too much is an alarm as soon as anything else",
        OUTBOX, "self._end(min(others, key=lambda letter: RANK[letter.notice.severity]), \"too many notices wait\")",
        "self._end(others[0], \"too many notices wait\")",
        DELIVERED, "buries_no_alarm",
    ),
    Mutant(
        "an alarm counts as one more of its kind",
        FOLDING, "(CRITICAL_MAX if is_critical else KIND_MAX)", "KIND_MAX",
        FOLDED, "alarm",
    ),
    Mutant(
        "what was better in between is no news",
        FOLDING, "        self._forget_worse(about, words.severity)\n", "",
        FOLDED, "bad_again",
    ),
    Mutant(
        "an agent's own words persuade a person",
        "appliance/service/notice_words.py", "f\"Agent {request.agent_id} asks for request",
        "f\"{request.note} Agent {request.agent_id} asks for request",
        f"{SERVICE}/test_notice_words.py", "proposal.made",
    ),
    Mutant(
        "Slack is given its control characters",
        "builtin_plugins/slack_notifier/notifier.py",
        "return [_ESCAPED.get(character, character) for character in text]", "return [*text]",
        HTTP, "markup",
    ),
    Mutant(
        "Telegram looks for mentions",
        "builtin_plugins/telegram_notifier/notifier.py",
        "        \"entities\": [{\"type\": \"pre\", \"offset\": 0, \"length\": utf16_units(text)}],\n", "",
        HTTP, "markup",
    ),
    Mutant(
        "an error names the path, which is a credential",
        "builtin_plugins/https_post.py", "return f\"{self.host}:{self.port}\"", "return f\"{self.host}{self.target}\"",
        HTTP, "tells_nothing",
    ),
    Mutant(
        "a mail goes without STARTTLS where there is none",
        EMAIL, "                smtp.starttls(context=self._tls)\n",
        "                smtp.ehlo()\n                if smtp.has_extn(\"starttls\"):\n"
        "                    smtp.starttls(context=self._tls)\n",
        MAIL, "without_starttls",
    ),
    Mutant(
        "a password is sent in the clear",
        EMAIL, "    if username is not None and security is Security.NONE:\n", "    if False:\n",
        MAIL, "plain_smtp",
    ),
)  # fmt: skip
