"""The log on standard error: text for people or JSON for programs, in both without any secret that the process knows.

Everything passes here: our own loggers, libraries', warnings, and exceptions that nobody caught. What is redacted is
the finished text, traceback included.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType

from appliance.redaction import SECRETS, Redactor

OUR_LOGGERS = ("appliance", "plugin", "egress")
UNREADABLE = "a log record that cannot be read"

_about: ContextVar[str | None] = ContextVar("request_id", default=None)


class LogForm(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on our own loggers are told of; of the libraries' always from `warning` on."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@contextmanager
def about(request_id: str) -> Iterator[None]:
    """Lines that are logged within, and in tasks begun within, are about this request."""
    token = _about.set(request_id)
    try:
        yield
    finally:
        _about.reset(token)


class TextFormatter(logging.Formatter):
    """Time, level, logger, message; a traceback below it."""

    def __init__(self, redact: Redactor = SECRETS) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """As `logging.Formatter`."""
        text = super().format(record)
        request_id = _about.get()
        if request_id is not None:
            first, newline, rest = text.partition("\n")
            text = f"{first} [{request_id}]{newline}{rest}"
        return self._redact(text)


class JsonFormatter(logging.Formatter):
    """One object in one line: at (UTC, RFC 3339), level, logger, message, and where there are request_id, exception.

    Each text is redacted before it is encoded, so that no escape can tear a secret apart.
    """

    def __init__(self, redact: Redactor = SECRETS) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """As `logging.Formatter`."""
        fields = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = _about.get()
        if request_id is not None:
            fields["request_id"] = request_id
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = self.formatStack(record.stack_info)
        return json.dumps({name: self._redact(text) for name, text in fields.items()}, ensure_ascii=False)


class Lines(logging.StreamHandler):  # type: ignore[type-arg] # any stream of text
    """Writes lines. A record that cannot be formatted becomes a line that says so, and never shows its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """As `logging.Handler`."""
        kind = sys.exc_info()[0]
        said = f"{UNREADABLE}: {'' if kind is None else kind.__name__}"
        plain = logging.LogRecord(record.name, logging.ERROR, record.pathname, record.lineno, said, None, None)
        try:
            self.stream.write(self.format(plain) + self.terminator)
            self.flush()
        except (OSError, ValueError):
            return  # nobody listens on standard error


class Tally(logging.Handler):
    """Counts lines by level."""

    def __init__(self, count: Callable[[str], None]) -> None:
        super().__init__()
        self._count = count

    def emit(self, record: logging.LogRecord) -> None:
        """As `logging.Handler`."""
        self._count(record.levelname.lower() if record.levelno in _LEVELS else "other")


_LEVELS = frozenset({logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL})


def to_stderr(form: LogForm, level: LogLevel) -> None:
    """Lead everything that is logged, warned of or not caught to standard error."""
    handler = Lines(sys.stderr)
    handler.setFormatter(JsonFormatter() if form is LogForm.JSON else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(capture=True)
    sys.excepthook = _not_caught
    threading.excepthook = _not_caught_in_thread


def _not_caught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("appliance").critical("not caught: %s", kind.__name__, exc_info=(kind, error, traceback))


def _not_caught_in_thread(hook: threading.ExceptHookArgs) -> None:
    if hook.exc_value is not None:
        _not_caught(hook.exc_type, hook.exc_value, hook.exc_traceback)
