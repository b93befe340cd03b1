"""Appends so often to the journal in the folder given, and prints the last entry's number at each acknowledgement.

Run as a process of its own: it is killed, and its system calls fail, at every point.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from appliance.store.journal import JournalUnavailable
from tests.store.journals import entry, open_journal, record


async def append(folder: Path, times: int) -> None:
    journal = open_journal(folder)
    try:
        for _ in range(times):
            number = journal.size
            receipt = await journal.append([entry(number), entry(number + 1)], [record(number)])
            # Straight to the descriptor: what was acknowledged must be known however this process ends.
            os.write(1, b"%d\n" % receipt.last_seq)
    except JournalUnavailable as error:
        try:
            journal.append([entry()])
        except JournalUnavailable:
            os.write(1, b"refused\n")
        sys.stderr.write(f"{error}\n")
        raise SystemExit(3) from error
    await journal.aclose()


if __name__ == "__main__":
    asyncio.run(append(Path(sys.argv[1]), int(sys.argv[2])))
