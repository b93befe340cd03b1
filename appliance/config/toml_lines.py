"""On which line each key of a TOML 1.0 file stands, for messages. Reads only text that `tomllib` has accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""Keys from the top of the document; a number picks an element of an array of tables."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*""")
_VALUE_PART = re.compile(
    r'''"""(?:\\.|[^\\])*?""""{0,2}|\'\'\'.*?\'\'\'\'{0,2}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|.''', re.DOTALL
)


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """The line of a key, or of the nearest table around it; None where neither was written."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line (from 1) of every key and header of a valid document. Keys of inline tables stand with their table."""
    lines: dict[KeyPath, int] = {}
    arrays: dict[KeyPath, int] = {}
    table: KeyPath = ()
    line, counted, at = 1, 0, 0
    while (at := _after(_BLANK, text, at)) < len(text):
        line, counted = line + text.count("\n", counted, at), at
        opening = 2 if text.startswith("[[", at) else 1 if text[at] == "[" else 0
        keys, at = _keys(text, at + opening)
        if opening:
            at += opening
            table = _table(keys, arrays, is_element=opening == 2)
            path = table
        else:
            at = _after_value(text, at + 1)
            path = table + keys
        lines.setdefault(path, line)
    return lines


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _keys(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """A dotted key from `at`, and where it ends."""
    parts: list[str] = []
    while (found := _KEY_PART.match(text, at)) is not None:
        parts.append(found[1].strip("\"'"))
        at = found.end()
        if not text.startswith(".", at):
            break
        at += 1
    return tuple(parts), at


def _table(keys: tuple[str, ...], arrays: dict[KeyPath, int], *, is_element: bool) -> KeyPath:
    """The path of a header, with the number of each array element that it falls in."""
    path: KeyPath = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if is_element and position == len(keys) - 1:
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = (*path, arrays[path])
    return path


def _after_value(text: str, at: int) -> int:
    """Where the statement ends whose value begins at `at`."""
    depth = 0
    while (found := _VALUE_PART.match(text, at)) is not None:
        part, at = found[0], found.end()
        if part in "[{":
            depth += 1
        elif part in "]}":
            depth -= 1
        elif part == "\n" and depth == 0:
            break
    return at
