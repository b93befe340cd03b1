"""What proves who an operator is: kept in one file of its own, 0600, and never in the journal.

The journal is to be shown to others; password hashes, one-time secrets, passkeys and sessions are not. One process has
the file, the one that has the journal. Readers hold what they need in memory; every change is on disk before it counts.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw
import msgspec
from msgspec import Struct

APPLICATION_ID = 0x52547263
"""`RTrc`, so that `file` and others can tell what the database is."""
SCHEMA_VERSION = 1
_SCHEMA = (
    "CREATE TABLE item (kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)) "
    "STRICT, WITHOUT ROWID"
)

T = TypeVar("T")


class CredentialsUnavailable(Exception):
    """The file cannot be read or written now, or is not ours. The message names it; it lets nobody in."""


class Change(Struct, frozen=True, kw_only=True):
    """Put a value under its kind and ID; without one, take away what is there."""

    kind: str
    id: str
    value: Struct | None


class Credentials:
    """The file, and the one thread that writes it."""

    def __init__(self, path: Path) -> None:
        """Open it, or make it. Raises `CredentialsUnavailable`."""
        self._path = path
        self._encoder = msgspec.json.Encoder()
        self._thread = ThreadPoolExecutor(1, "credentials")
        try:
            self._connection = self._open()
        except (apsw.Error, OSError) as fault:
            raise CredentialsUnavailable(f"{path}: cannot be opened ({fault})") from fault

    def load(self, kind: str, value_type: type[T]) -> dict[str, T]:
        """Everything of one kind, by its ID. Raises `CredentialsUnavailable`."""
        decoder = msgspec.json.Decoder(value_type)
        try:
            rows = self._connection.execute("SELECT id, body FROM item WHERE kind = ?", (kind,)).fetchall()
            return {str(key): decoder.decode(body) for key, body in rows if isinstance(body, bytes)}
        except (apsw.Error, msgspec.MsgspecError) as fault:
            raise CredentialsUnavailable(f"{self._path}: {kind} cannot be read ({type(fault).__name__})") from fault

    async def write(self, changes: Sequence[Change]) -> None:
        """Make all the changes, or none; on return they are on the disk. Raises `CredentialsUnavailable`."""
        rows = [(it.kind, it.id, None if it.value is None else self._encoder.encode(it.value)) for it in changes]
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)

    def close(self) -> None:
        """Give the file back, once what is being written is written."""
        self._thread.shutdown()
        self._connection.close()

    def _write(self, rows: Sequence[tuple[str, str, bytes | None]]) -> None:
        try:
            with self._connection:
                for kind, key, body in rows:
                    if body is None:
                        self._connection.execute("DELETE FROM item WHERE kind = ? AND id = ?", (kind, key))
                    else:
                        self._connection.execute("INSERT OR REPLACE INTO item VALUES (?, ?, ?)", (kind, key, body))
        except apsw.Error as fault:
            raise CredentialsUnavailable(f"{self._path}: cannot be written ({fault})") from fault

    def _open(self) -> apsw.Connection:
        # Made closed: there is no moment at which others could open it.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        found = self._path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise CredentialsUnavailable(
                f"{self._path}: mode is {found.st_mode & 0o777:o} and its owner uid {found.st_uid}, "
                f"expected 600 and {os.geteuid()}"
            )
        connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.pragma("trusted_schema", 0)
        if connection.pragma("journal_mode", "wal") != "wal":
            raise CredentialsUnavailable(f"{self._path}: the file system does not allow a write-ahead log")
        connection.pragma("synchronous", 2)
        connection.pragma("secure_delete", 1)
        self._require_schema(connection)
        return connection

    def _require_schema(self, connection: apsw.Connection) -> None:
        if connection.pragma("user_version") == 0:
            with connection:
                connection.execute(_SCHEMA)
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", SCHEMA_VERSION)
        found = list(connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"))
        if connection.pragma("application_id") != APPLICATION_ID or found != [(_SCHEMA,)]:
            raise CredentialsUnavailable(f"{self._path}: not a file of credentials of version {SCHEMA_VERSION}")


def peek(path: Path, kind: str, value_type: type[T]) -> dict[str, T]:
    """Everything of one kind, read beside whoever has the file, and changing nothing.

    Raises `CredentialsUnavailable`.
    """
    decoder = msgspec.json.Decoder(value_type)
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.pragma("trusted_schema", 0)
            connection.pragma("query_only", 1)
            rows = connection.execute("SELECT id, body FROM item WHERE kind = ?", (kind,)).fetchall()
        finally:
            connection.close()
        return {str(key): decoder.decode(body) for key, body in rows if isinstance(body, bytes)}
    except (apsw.Error, msgspec.MsgspecError) as fault:
        raise CredentialsUnavailable(f"{path}: {kind} cannot be read ({type(fault).__name__})") from fault
