"""Keeps secrets out of the words that leave a process: logs, errors, refusals. The core and its workers use this one.

A secret is replaced by its value and in the forms in which it turns up by accident: hexadecimal, base64 (inside a
longer text too), percent-encoded, escaped as in JSON and in Python. This is for accidents: code that holds a secret can
say it in words that no list has.
"""

from __future__ import annotations

import binascii
import json
import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from urllib.parse import quote, quote_plus

REDACTED = "[secret]"
FORM_CHARACTERS_MIN = 6
"""A shorter secret is replaced as it is, but not in its other forms: these would be found in any text."""
PASSING_MAX = 512
"""Secrets that came by and are still known; of more than these, the ones that were longest not seen are forgotten."""


class Redactor:
    """Replaces the secrets that it knows. From any thread."""

    def __init__(self, secrets: Iterable[str | bytes] = ()) -> None:
        self._kept: dict[str | bytes, frozenset[str]] = {}
        self._passing: OrderedDict[str | bytes, frozenset[str]] = OrderedDict()
        self._uses: Counter[str] = Counter()
        self._by_beginning: dict[str, tuple[str, ...]] = {}
        """Forms by their first characters, the longest first: one that holds another is replaced as a whole."""
        self._short: tuple[str, ...] = ()
        """Those that have fewer characters than that."""
        self._lock = Lock()
        for secret in secrets:
            self.keep(secret)

    def keep(self, secret: str | bytes) -> None:
        """Know this secret for as long as the process lives: a key."""
        with self._lock:
            if secret and secret not in self._kept:
                self._kept[secret] = self._learned(secret)

    def pass_by(self, secret: str) -> None:
        """Know this secret for a while: a token that was shown, a password that is being checked."""
        with self._lock:
            if secret in self._passing:
                self._passing.move_to_end(secret)
                return
            if not secret or secret in self._kept:
                return
            self._passing[secret] = self._learned(secret)
            if len(self._passing) > PASSING_MAX:
                self._forget(self._passing.popitem(last=False)[1])

    @contextmanager
    def holding(self, secret: str) -> Iterator[None]:
        """Know this text for as long as it is worked with: a guess, which need be nobody's secret.

        Remembered for longer, what strangers guess would take words of their choice out of the log.
        """
        if len(secret) < FORM_CHARACTERS_MIN:
            yield
            return
        with self._lock:
            forms = self._learned(secret)
        try:
            yield
        finally:
            with self._lock:
                self._forget(forms)

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        if not self._by_beginning and not self._short:
            return text
        parts: list[str] = []
        begin = at = 0
        while at < len(text):
            found = self._found(text, at)
            if found:
                parts += (text[begin:at], REDACTED)
                at += len(found)
                begin = at
            else:
                at += 1
        return "".join((*parts, text[begin:])) if parts else text

    def _found(self, text: str, at: int) -> str:
        """The longest form that begins here, or nothing."""
        for form in self._by_beginning.get(text[at : at + FORM_CHARACTERS_MIN], ()):
            if text.startswith(form, at):
                return form
        for form in self._short:
            if text.startswith(form, at):
                return form
        return ""

    def _learned(self, secret: str | bytes) -> frozenset[str]:
        forms = frozenset(_forms(secret))
        for form in forms:
            self._uses[form] += 1
            if self._uses[form] == 1:
                self._index(form, added=True)
        return forms

    def _forget(self, forms: frozenset[str]) -> None:
        for form in forms:
            self._uses[form] -= 1
            if not self._uses[form]:
                del self._uses[form]
                self._index(form, added=False)

    def _index(self, form: str, *, added: bool) -> None:
        """Put in new tuples: a text that is being looked at meanwhile sees the old or the new one."""
        beginning = form[:FORM_CHARACTERS_MIN]
        is_short = len(form) < FORM_CHARACTERS_MIN
        known = self._short if is_short else self._by_beginning.get(beginning, ())
        forms = (*known, form) if added else tuple(one for one in known if one != form)
        ordered = tuple(sorted(forms, key=len, reverse=True))
        if is_short:
            self._short = ordered
        elif ordered:
            self._by_beginning[beginning] = ordered
        else:
            del self._by_beginning[beginning]


def _forms(secret: str | bytes) -> Iterator[str]:
    """A secret, and each line of one that has several: output is cut into lines before it is looked at."""
    if isinstance(secret, bytes):
        yield from _forms_of_bytes(secret)
        return
    for part in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if part:
            yield part
        if len(part) >= FORM_CHARACTERS_MIN:
            yield from _other_forms(part)


def _other_forms(secret: str) -> Iterator[str]:
    content = secret.encode("utf-8", "surrogatepass")
    yield from _forms_of_bytes(content)
    for safe in ("", "/"):
        percent = quote(content, safe=safe)
        yield percent
        yield re.sub("%..", lambda match: match[0].lower(), percent)
    yield quote_plus(content)
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1])


def _forms_of_bytes(content: bytes) -> Iterator[str]:
    yield from (content.hex(), content.hex().upper(), repr(content)[2:-1])
    for encoded in _base64_cores(content):
        yield encoded
        yield encoded.translate(str.maketrans("+/", "-_"))


def _base64_cores(content: bytes) -> Iterator[str]:
    """What is seen of these bytes wherever they stand in base64 text: they may begin at any of three places.

    The characters at either end that also hold bits of what stands beside them are left out (RFC 4648, section 4).
    """
    for before in range(3):
        encoded = binascii.b2a_base64(bytes(before) + content, newline=False).decode().rstrip("=")
        begin = (0, 2, 3)[before]
        spare = 0 if (before + len(content)) % 3 == 0 else 1
        yield encoded[begin : len(encoded) - spare]


SECRETS = Redactor()
"""What this process has seen of secrets: whoever makes, reads or checks one says so here, and the log knows it."""
