"""Whether this program is whole: a build that lost a part must say so at its start, not in the middle of a trade.

Freezing finds what is imported by name and misses what is not: metadata, data files, modules that compiled code loads.
`thorough` uses every part (seconds; `readytrader selftest`, and every build before it is handed out). What such a build
consists of is listed inside it, and `quick` looks whether all of that is still there (milliseconds; at every start).

Nothing is imported here but what Python itself needs to start: everything else is among the parts looked at.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

PARTS_FILE = "PARTS"
"""The files of a build beside its program, one path a line; written by `packaging/readytrader.spec`."""
COMPILED = (
    "_cffi_backend",
    "_ssl",
    "aiohttp._http_parser",
    "aiohttp._websocket.reader_c",
    "apsw",
    "coincurve._cffi_backend",
    "cryptography.hazmat.bindings._rust",
    "msgspec._core",
    "multidict._multidict",
    "pydantic_core._pydantic_core",
    "yarl._quoting_c",
    "zlib_ng.zlib_ng",
)
"""Modules without source that a wrong build loses."""
LEFT_OUT = frozenset(
    {
        "antigravity", "ensurepip", "idlelib", "lib2to3", "msilib", "nt", "ntpath", "nturl2path", "pydoc_data", "this",
        "tkinter", "turtle", "turtledemo", "winreg", "winsound", "_gdbm", "_dbm", "_msi", "_overlapped", "_osx_support",
        "_scproxy", "_tkinter", "_winapi", "_wmi", "msvcrt", "crypt", "nis", "readline",
    }
)  # fmt: skip
"""Parts of the standard library that are not frozen in (no use, or copyleft), or belong to other systems."""


class BrokenBuild(Exception):
    """A part of the program is missing. The message names it."""


class Part(NamedTuple):
    """One part that was looked at; `fault` is None where it is as it should be. (msgspec is itself such a part.)"""

    area: str
    name: str
    fault: str | None


def is_frozen() -> bool:
    """Whether this is the built program rather than Python with our source."""
    return bool(getattr(sys, "frozen", False))


def quick() -> None:
    """Raise `BrokenBuild` for the first part that is missing. Does nothing when run from source."""
    for part in _of_the_build():
        if part.fault is not None:
            raise BrokenBuild(f"{part.area}: {part.name}: {part.fault}; this build is broken, do not use it")


def thorough() -> Iterator[Part]:
    """Look at every part, by using it; one result after the other."""
    yield from _of_the_build()
    yield from _imported("compiled modules", COMPILED)
    yield from _plugins()
    yield from _imported("own modules", _own_modules())
    yield from _imported("standard library", _standard_library())
    for name, act in _USES.items():
        yield Part("uses", name, _fault_of(act))


def _of_the_build() -> Iterator[Part]:
    """What only a frozen program has: flags of its own, and the list of its files."""
    if not is_frozen():
        return
    flags = sys.flags
    ignored = flags.ignore_environment and flags.no_user_site and flags.no_site
    yield Part("Python", "environment", None if ignored else "PYTHON* variables or user site are read")
    root: str = getattr(sys, "_MEIPASS", "")
    try:
        with open(os.path.join(root, PARTS_FILE), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - pathlib is a part
            names = file.read().splitlines()
    except OSError as error:
        yield Part("files", PARTS_FILE, error.strerror)
        return
    for name in names:
        there = os.path.exists(os.path.join(root, name))  # noqa: PTH110, PTH118 - as above
        yield Part("files", name, None if there else "missing")


def _imported(area: str, names: Iterable[str]) -> Iterator[Part]:
    for name in names:
        yield Part(area, name, _fault_of(partial(importlib.import_module, name)))


def _standard_library() -> Iterator[str]:
    return (name for name in sorted(sys.stdlib_module_names - LEFT_OUT) if not name.startswith("_"))


def _own_modules() -> Iterator[str]:
    from pkgutil import walk_packages

    for package in ("appliance", "readytrader_sdk"):
        for module in walk_packages(importlib.import_module(package).__path__, f"{package}."):
            yield module.name


def _plugins() -> Iterator[Part]:
    """The built-in plugins with their claims, and the template of one's own."""
    try:
        from appliance.plugin_host.catalog import built_ins

        modules = {name: plugin.module for name, plugin in built_ins().items()}
        fault = None if modules else "the entry points are missing"
    except Exception as error:  # noqa: BLE001 - whatever a broken part does, it is reported
        modules, fault = {}, f"{type(error).__name__}: {error}"[:200]
    yield Part("plugins", "entry points and claims", fault)
    yield from _imported("plugins", [*modules.values()])
    yield Part("plugins", "template", _fault_of(_scaffold))


def _fault_of(act: Callable[[], object]) -> str | None:
    try:
        act()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a broken part does, it is reported
        return f"{type(error).__name__}: {error}"[:200]
    return None


def _scaffold() -> None:
    from importlib.resources import files

    if not any((files("readytrader_sdk") / "template").iterdir()):
        raise BrokenBuild("empty")


def _sign() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    key.public_key().verify(key.sign(b"whole"), b"whole")


def _query() -> None:
    import apsw

    if apsw.Connection(":memory:").execute("SELECT 1 + 1").get != 2:
        raise BrokenBuild("SQLite cannot add")


def _trust() -> None:
    import ssl

    ssl.create_default_context()


def _recover() -> None:
    """Signers need libsecp256k1 and Keccak-256, both loaded by their path from compiled code."""
    from coincurve import PrivateKey, PublicKey
    from Crypto.Hash import keccak

    digest = keccak.new(data=b"whole", digest_bits=256).digest()
    key = PrivateKey(b"\x01" * 32)
    signature = key.sign_recoverable(digest, hasher=None)
    if PublicKey.from_signature_and_message(signature, digest, hasher=None) != key.public_key:
        raise BrokenBuild("a signature does not recover to its key")


def _serve() -> None:
    for name in ("mcp.server", "uvicorn", "appliance.transport.http", "appliance.bootstrap"):
        importlib.import_module(name)


def _serve_operators() -> None:
    """The page and the API, with what they load by name, and what proves who an operator is."""
    for name in ("uvicorn.protocols.websockets.websockets_sansio_impl", "webauthn", "jwt", "pyotp"):
        importlib.import_module(name)
    page_files = importlib.import_module("appliance.transport.operator_http.page_files")
    importlib.import_module("appliance.transport.operator_http.listener")
    if "index.html" not in page_files.read_page():
        raise BrokenBuild("the operators' page is missing")
    passwords = importlib.import_module("appliance.service.passwords")
    if not asyncio.run(_knows_password(passwords)):
        raise BrokenBuild("Argon2id does not recognise a password")


async def _knows_password(passwords: Any) -> bool:
    return bool(await passwords.matches("correct horse", await passwords.hashed("correct horse")))


def _load_exchanges() -> None:
    """An exchange is imported by its name, from each of the two halves of ccxt that are frozen in."""
    loading = importlib.import_module("builtin_plugins.ccxt_loading")  # by name: the core knows no plugin
    for name in ("binance", "bybit", "coinbase", "hyperliquid", "kraken", "okx"):
        for streaming in (False, True):
            loading.exchange_class(name, streaming=streaming)


_USES: dict[str, Callable[[], object]] = {
    "Ed25519 signatures": _sign,
    "SQLite": _query,
    "TLS": _trust,
    "signatures of signers": _recover,
    "listeners and core": _serve,
    "operators' listener": _serve_operators,
    "exchanges": _load_exchanges,
}
