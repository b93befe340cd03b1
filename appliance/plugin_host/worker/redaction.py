"""Keeps a worker's secrets out of the words that leave it: logs, errors, refusals.

A secret is replaced by its value and in the forms in which it turns up by accident: hexadecimal, base64 (inside a
longer text too), percent-encoded, escaped as in JSON and in Python. This is for accidents: code that holds a secret can
say it in words that no list has.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

REDACTED = "[secret]"
FORM_CHARACTERS_MIN = 6
"""A shorter secret is replaced as it is, but not in its other forms: these would be found in any text."""


class Redactor:
    """Replaces the secrets that it was made with."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: one that holds another is replaced as a whole.
        ordered = sorted(forms, key=len, reverse=True)
        self._substitute = re.compile("|".join(map(re.escape, ordered))).sub if ordered else None

    def __call__(self, text: str) -> str:
        """The text without the secrets."""
        return self._substitute(REDACTED, text) if self._substitute is not None else text


def _forms(secret: str) -> Iterator[str]:
    """A secret, and each line of one that has several: output is cut into lines before it is looked at."""
    for part in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if part:
            yield part
        if len(part) >= FORM_CHARACTERS_MIN:
            yield from _other_forms(part)


def _other_forms(secret: str) -> Iterator[str]:
    content = secret.encode("utf-8", "surrogatepass")
    yield from (content.hex(), content.hex().upper())
    for encoded in _base64_cores(content):
        yield encoded
        yield encoded.translate(str.maketrans("+/", "-_"))
    for safe in ("", "/"):
        percent = quote(content, safe=safe)
        yield percent
        yield re.sub("%..", lambda match: match[0].lower(), percent)
    yield quote_plus(content)
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1], repr(content)[2:-1])


def _base64_cores(content: bytes) -> Iterator[str]:
    """What is seen of these bytes wherever they stand in base64 text: they may begin at any of three places.

    The characters at either end that also hold bits of what stands beside them are left out (RFC 4648, section 4).
    """
    for before in range(3):
        encoded = binascii.b2a_base64(bytes(before) + content, newline=False).decode().rstrip("=")
        begin = (0, 2, 3)[before]
        spare = 0 if (before + len(content)) % 3 == 0 else 1
        yield encoded[begin : len(encoded) - spare]
