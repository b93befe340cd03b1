"""The forms of what is written about plugins: names, files, hashes, hosts and settings."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, TypeVar

from readytrader_sdk.egress import Endpoint, endpoint_from_text

from appliance.config import forms
from appliance.config.forms import Form, refuse
from appliance.config.problems import Refusal, printable
from appliance.plugin_host.kinds import Kind

T = TypeVar("T")

_SECRET = re.compile(r"key|secret|password|passphrase|token|credential|private", re.IGNORECASE)
_ELSEWHERE = "looks like a secret, which does not belong into this file: readytrader plugin secret NAME SECRET"
_KEY_BYTES = 32


def plugin_name() -> Form[str]:
    """A plugin's name, as its entry point has it. It is also a folder's name: no dot, no slash."""
    return forms.matching(
        r"[a-z][a-z0-9_-]{0,63}", "a plugin's name of lower-case letters, digits, hyphens and underscores", str
    )


def wheel_name() -> Form[str]:
    """The file name of a wheel, without a folder."""
    return forms.matching(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,250}\.whl", "the file name of a wheel, without a folder", str)


def version() -> Form[str]:
    """A version, as wheels have it (PEP 440)."""
    return forms.matching(r"[0-9][0-9A-Za-z.!+_-]{0,63}", "a version such as 1.2.0", str)


def sha256() -> Form[str]:
    """A SHA-256 in lower-case hexadecimal."""
    return forms.matching(r"[0-9a-f]{64}", "a SHA-256 in 64 lower-case hexadecimal digits", str)


def publisher() -> Form[str]:
    """An Ed25519 public key: `ed25519:` and the base64 of its 32 bytes (RFC 4648, section 4)."""
    expects = "a publisher's key, ed25519: and 44 characters of base64"

    def make(raw: str) -> str:
        try:
            key = base64.b64decode(raw.removeprefix("ed25519:"), validate=True)
        except ValueError:
            raise refuse(expects, raw) from None
        # Two spellings of one key would be two publishers.
        if len(key) != _KEY_BYTES or raw != f"ed25519:{base64.b64encode(key).decode()}":
            raise refuse(expects, raw)
        return raw

    return forms.matching(r"ed25519:[A-Za-z0-9+/]{43}=", expects, make)


def endpoint() -> Form[Endpoint]:
    """A host and a port."""
    expects = "a host in lower case and a port, such as api.example.com:443"

    def parse(raw: object) -> Endpoint:
        if type(raw) is not str:
            raise refuse(expects, raw)
        try:
            return endpoint_from_text(raw)
        except ValueError:
            raise refuse(expects, raw) from None

    return Form(expects=expects, parse=parse, text=str, literal=lambda value: forms.quoted(str(value)))


def hosts() -> Form[tuple[Endpoint, ...]]:
    """A list of hosts."""
    return _listed(endpoint())


def kinds() -> Form[tuple[Kind, ...]]:
    """At least one kind of plugin."""
    listed = _listed(forms.one_of(Kind))

    def parse(raw: object) -> tuple[Kind, ...]:
        if not (parsed := listed.parse(raw)):
            raise Refusal("expected at least one kind")
        return parsed

    return Form(expects=listed.expects, parse=parse, text=listed.text, literal=listed.literal)


def names(expects: str) -> Form[tuple[str, ...]]:
    """A list of names, of secrets or of settings."""
    return _listed(forms.matching(r"[a-z][a-z0-9_]{0,63}", f"{expects} in lower case", str))


def dependencies() -> Form[dict[str, str]]:
    """A table of wheels: file name to SHA-256."""
    name, digest = wheel_name(), sha256()
    expects = "a table of file names and their SHA-256"
    return _table(expects, lambda key, value: (name.parse(key), digest.parse(value)), "wheels")


def settings() -> Form[dict[str, str]]:
    """A table of plain values, each handed to the plugin as text. A name that smells of a secret is refused."""

    def entry(name: str, value: object) -> tuple[str, str]:
        if _SECRET.search(name):
            raise Refusal(f"{printable(name)} {_ELSEWHERE}")
        if not isinstance(value, str | int):
            raise Refusal(f"{printable(name)}: expected text, a number, or true or false")
        return name, str(value).lower() if isinstance(value, bool) else str(value)

    return _table("a table of settings", entry, "settings")


def _table(expects: str, entry: Callable[[str, object], tuple[str, str]], counted: str) -> Form[dict[str, str]]:
    def parse(raw: object) -> dict[str, str]:
        if not isinstance(raw, dict):
            raise Refusal(f"expected {expects}")
        return dict(entry(name, value) for name, value in raw.items())

    return Form(expects=expects, parse=parse, text=lambda value: f"{len(value)} {counted}", literal=str)


def _listed(item: Form[Any]) -> Form[tuple[Any, ...]]:
    """A list without repetitions, in one order however it was written."""
    each = forms.each(item)
    return Form(
        expects=each.expects,
        parse=lambda raw: tuple(sorted(each.parse(raw))),
        text=lambda value: each.text(frozenset(value)),
        literal=lambda value: each.literal(frozenset(value)),
    )
