"""Words on their way out of a worker, its plugin's log and prints: without secrets, printable, capped, not too many.

Nothing here ever waits: what is too much is counted and left out.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

from appliance.plugin_host.hearsay import printable
from appliance.plugin_host.messages import FromWorker, Logged
from appliance.redaction import Redactor

LINE_MAX = 1000
LINES_BURST = 100
LINES_PER_S = 10.0
PARTIAL_MAX = 64 * 1024
"""Characters of a line without an end that are kept."""

Send = Callable[[FromWorker], None]


class Output:
    """Where all words of a worker go. Until `attach`, they wait."""

    def __init__(self, redact: Redactor, now: Callable[[], float] = time.monotonic) -> None:
        self._redact = redact
        self._now = now
        self._allowance = float(LINES_BURST)
        self._filled_at = now()
        self._left_out = 0
        self._waiting: deque[Logged] = deque(maxlen=LINES_BURST)
        self._send: Send | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        # Reentrant: a finalizer may print at any moment.
        self._lock = threading.RLock()

    def fit(self, text: str, length_max: int = LINE_MAX) -> str:
        """Text as it may leave: without secrets, on one line, printable, capped."""
        return printable(" | ".join(self._redact(text).splitlines()), length_max)

    def say(self, level: int, text: str) -> None:
        """Send a line, or count it where there were too many. From any thread."""
        with self._lock:
            left_out = self._admitted()
        if left_out is None:
            return
        if left_out:
            self._put(Logged(level=logging.WARNING, text=f"{left_out} lines were left out: too many at once"))
        self.announce(min(max(level, 0), logging.CRITICAL), text)

    def announce(self, level: int, text: str) -> None:
        """Send a line of the worker's own, which no noise of the plugin's can drown."""
        self._put(Logged(level=level, text=self.fit(text)))

    def attach(self, send: Send) -> None:
        """Send through this from now on, on the running loop; first what waited."""
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        self._send = send
        for line in self.waiting():
            send(line)

    def waiting(self) -> list[Logged]:
        """Take what waits."""
        lines = list(self._waiting)
        self._waiting.clear()
        return lines

    def _admitted(self) -> int | None:
        """None for a line too many; otherwise how many were left out before it."""
        now = self._now()
        self._allowance = min(LINES_BURST, self._allowance + (now - self._filled_at) * LINES_PER_S)
        self._filled_at = now
        if self._allowance < 1:
            self._left_out += 1
            return None
        self._allowance -= 1
        left_out, self._left_out = self._left_out, 0
        return left_out

    def _put(self, line: Logged) -> None:
        if self._send is None or self._loop is None:
            self._waiting.append(line)
        elif threading.get_ident() == self._loop_thread:
            self._send(line)
        else:
            self._loop.call_soon_threadsafe(self._send, line)


class LogHandler(logging.Handler):
    """Passes log records on, with the type of an exception and the place where it was raised."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        """As `logging.Handler`."""
        try:
            text = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                text = f"{text} ({where(record.exc_info[1])})"
        except Exception as error:  # noqa: BLE001 - the record's own objects may do anything when they are made text
            text = f"a log record that cannot be read: {type(error).__name__}"
        self._output.say(record.levelno, text)


class LineWriter(io.TextIOBase):
    """Stands for a standard stream: each line that is printed becomes a line of the log."""

    def __init__(self, output: Output, level: int) -> None:
        super().__init__()
        self._output = output
        self._level = level
        self._partial = ""

    def writable(self) -> bool:
        """As `io.TextIOBase`."""
        return True

    def write(self, text: str) -> int:
        """As `io.TextIOBase`."""
        *lines, partial = (self._partial + text).split("\n")
        self._partial = partial[:PARTIAL_MAX]
        for line in lines:
            if line.strip():
                self._output.say(self._level, line)
        return len(text)


def capture(output: Output, plugin: str) -> logging.Logger:
    """Lead Python's log and standard streams to `output`; the plugin's own logger."""
    root = logging.getLogger()
    root.handlers[:] = [LogHandler(output)]
    root.setLevel(logging.WARNING)
    logger = logging.getLogger(plugin)
    logger.setLevel(logging.INFO)
    sys.stdout = LineWriter(output, logging.INFO)
    sys.stderr = LineWriter(output, logging.WARNING)
    return logger


def brief(error: BaseException) -> str:
    """An error's type and the first line of its text: foreign text, to be made fit."""
    try:
        text = str(error).partition("\n")[0]
    except Exception:  # noqa: BLE001 - foreign code makes the text; then there is none
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def where(error: BaseException) -> str:
    """An error's type, and the file, line and function that raised it: what its author needs, without its text."""
    traceback = error.__traceback__
    if traceback is None:
        return type(error).__name__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return f"{type(error).__name__} at {code.co_filename}:{traceback.tb_lineno} in {code.co_name}"
