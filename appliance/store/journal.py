"""The journal: what was decided is on disk before anything is done about it.

Callers on one event loop append; a writer thread commits all that is waiting in one transaction, with one fsync. The
order of the calls is the order of the log. What cannot be written fails every waiting caller and every later one.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from appliance.store.checkpoint import CheckpointKey, parse_unverified
from appliance.store.database import JournalCorrupt, JournalUnavailable
from appliance.store.entry import Entry, Receipt, Record, encode_entries
from appliance.store.opening import Opened, open_file
from appliance.store.reader import JournalReader
from appliance.store.writer import Group, Waiting

__all__ = ["Counters", "Entry", "Journal", "JournalCorrupt", "JournalUnavailable", "Receipt", "Record"]

GROUP_WAIT_MAX = 0.025
"""Seconds that a commit waits, at most, for requests that were announced. Nobody waits for himself."""
ANNOUNCED_MAX = 0.1
"""Seconds for which an announcement counts: one that never arrives must not slow everybody down for ever."""


class Counters(Struct, kw_only=True):
    """What was made durable since the journal was opened."""

    commits: int = 0
    """Transactions. Each costs one fsync; every 16 MiB of log cost two more, to move it into the database."""
    entries: int = 0
    records: int = 0


class Journal(JournalReader):
    """One append-only log and its projection. Made by `open`; every call on the thread of one event loop."""

    def __init__(self, opened: Opened, group_wait_max: float) -> None:
        super().__init__(opened.reader)
        checkpoint = parse_unverified(opened.note)
        self.origin = checkpoint.origin
        """The log's name in its checkpoints, for ever."""
        self.checkpoint = opened.note
        """The newest signed checkpoint that is on disk."""
        self.failed: str | None = None
        """Why nothing can be appended any more; None while all is well."""
        self.counters = Counters()
        self.on_commit: Callable[[float], None] = lambda _seconds: None
        """Told how long each commit took, in seconds, once it is on disk; it must not block."""
        self._writer = opened.writer
        self._lock = opened.lock
        self._group_wait_max = group_wait_max
        self._thread = ThreadPoolExecutor(1, "journal")
        self._next_seq = checkpoint.size
        self._group: Group | None = None
        self._committing: Group | None = None
        self._flush_due = False
        self._announced: deque[float] = deque()
        self._deadline: asyncio.TimerHandle | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        path: Path,
        key: CheckpointKey,
        *,
        origin: str | None = None,
        group_wait_max: float = GROUP_WAIT_MAX,
        vfs: str | None = None,
    ) -> Journal:
        """Open the journal at `path`, or make it there; its name is `origin`, or a random one when it is made.

        Raises JournalUnavailable where the file cannot be opened or another process holds it, and JournalCorrupt
        where it is of another version or name, or its tree is not the one that `key` signed. `group_wait_max` is in
        seconds; `vfs` names the SQLite file layer, the operating system's where None.
        """
        return cls(open_file(path, key, origin, vfs), group_wait_max)

    @property
    def size(self) -> int:
        """Entries appended so far, whether or not they are on disk yet."""
        return self._next_seq

    def append(self, entries: Sequence[Entry], records: Sequence[Record] = ()) -> asyncio.Future[Receipt]:
        """Write entries, and the state they lead to, in one transaction; the future is done when they are on disk.

        Never blocks. The order of calls is the order of the log. Raises ValueError where an entry or record is
        malformed (nothing is written), and JournalUnavailable, at once or through the future, where it cannot be
        written: then nothing may be sent, and the journal must be opened anew.
        """
        if self.failed:
            raise JournalUnavailable(self.failed)
        loop = asyncio.get_running_loop()
        leaves, rows = encode_entries(self._next_seq, entries, records)
        if self._group is None:
            self._group = Group(self._next_seq)
        future: asyncio.Future[Receipt] = loop.create_future()
        last_seq = self._next_seq + len(leaves) - 1
        self._group.leaves += leaves
        self._group.rows.update(rows)
        self._group.waiting.append(Waiting(self._next_seq, last_seq, future))
        self._next_seq = last_seq + 1
        self._plan_flush(loop)
        return future

    def announce(self) -> None:
        """Say that a request which may append is on its way, so that a commit about to start waits for it to join.

        A commit waits while others are announced, `group_wait_max` at most: under load many share one fsync, and a
        caller who is alone never waits.
        """
        self._announced.append(asyncio.get_running_loop().time() + ANNOUNCED_MAX)

    def arrived(self) -> None:
        """Say that an announced request is here: what it appends, it appends before it waits for anything."""
        if self._announced:
            self._announced.popleft()
        if not self._announced and self._group is not None:
            self._plan_flush(asyncio.get_running_loop())

    def _awaits_others(self, now: float) -> bool:
        while self._announced and self._announced[0] <= now:
            self._announced.popleft()
        return bool(self._announced)

    async def aclose(self) -> None:
        """Commit what is waiting, tell who waits, and give the file back."""
        groups = [group for group in (self._committing, self._group) if group is not None]
        self.close()
        await asyncio.gather(*(one.future for group in groups for one in group.waiting), return_exceptions=True)

    def close(self) -> None:
        """As `aclose`, where no loop runs any more. Blocks for a commit or two."""
        if self._closed:
            return
        self._closed = True
        self.failed = self.failed or "the journal is closed"
        if self._group is not None:
            self._submit(self._group.waiting[0].future.get_loop())
        self._thread.shutdown(wait=True)
        super().close()
        self._writer.close()
        os.close(self._lock)

    def _plan_flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit once every callback that is ready now has run, so that all of them share the fsync."""
        if self._committing is None and not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush, loop)

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        self._flush_due = False
        if self._committing is not None or self._group is None:
            return
        if not self._awaits_others(loop.time()):
            self._submit(loop)
        elif self._deadline is None:
            self._deadline = loop.call_later(self._group_wait_max, self._flush_late, loop)

    def _flush_late(self, loop: asyncio.AbstractEventLoop) -> None:
        self._deadline = None
        if self._committing is None:
            self._submit(loop)

    def _submit(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand all that waits to the writer thread."""
        group, self._group = self._group, None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if group is None:
            return
        self._committing = group
        started = loop.time()

        def hand_back(outcome: ThreadFuture[str]) -> None:
            # A closed loop has nobody left who waits; what was committed stays committed.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._settle, loop, group, outcome, started)

        self._thread.submit(self._writer.commit, group).add_done_callback(hand_back)

    def _settle(
        self, loop: asyncio.AbstractEventLoop, group: Group, outcome: ThreadFuture[str], started: float
    ) -> None:
        self._committing = None
        error = outcome.exception()
        if error is not None:
            self._fail(group, error)
            return
        self.checkpoint = outcome.result()
        self.counters.commits += 1
        self.counters.entries += len(group.leaves)
        self.counters.records += len(group.rows)
        self.on_commit(loop.time() - started)
        for one in group.waiting:
            if not one.future.done():
                receipt = Receipt(first_seq=one.first_seq, last_seq=one.last_seq, checkpoint=self.checkpoint)
                one.future.set_result(receipt)
        if self._group is not None:
            self._plan_flush(loop)

    def _fail(self, group: Group, error: BaseException) -> None:
        """Refuse everybody who waits, and everybody who comes."""
        self.failed = str(error) or type(error).__name__
        waiting = group.waiting if self._group is None else group.waiting + self._group.waiting
        self._group = None
        for one in waiting:
            if not one.future.done():
                one.future.set_exception(JournalUnavailable(self.failed))
