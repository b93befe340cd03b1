"""A verb with a person at its terminal, who answers when asked and not before."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence

from tests.cli.appliances import PROGRAM, VERB_WAIT_MAX_S, Appliance


def on_a_terminal(
    appliance: Appliance, answers: Sequence[tuple[str, str]], *verb: str, **environment: str
) -> tuple[int, str]:
    """Run a verb on a pseudo-terminal; `answers` are what is waited for on the screen, and what is typed then.

    The exit code, and all that the screen showed.
    """
    screen, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, *PROGRAM, *verb],
        env=appliance.environment(**{"TERM": "dumb", **environment}),
        cwd=appliance.folder,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,  # the person at the tests' own terminal is not asked
    ) as process:
        os.close(terminal)
        shown, seen, waiting = b"", 0, list(answers)
        while block := _read(screen):
            shown += block
            while waiting and (at := shown.find(waiting[0][0].encode(), seen)) >= 0:
                question, answer = waiting.pop(0)
                seen = at + len(question)
                os.write(screen, f"{answer}\n".encode())
        os.close(screen)
        code = process.wait(VERB_WAIT_MAX_S)
    assert not waiting, f"never asked {waiting[0][0]!r}: {shown.decode()}"
    return code, shown.decode().replace("\r\n", "\n")


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 4096)
    except OSError:  # how Linux says that nobody holds the other end any more
        return b""
