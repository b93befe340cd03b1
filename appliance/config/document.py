"""The configuration file as read: its data, and the line of every key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from appliance.config.forms import NumberText
from appliance.config.problems import Problem, in_ascii
from appliance.config.toml_lines import KeyPath, key_lines, line_of

BYTES_MAX = 1_000_000
"""A larger file is not a configuration."""


class Document(Struct, frozen=True, kw_only=True):
    """A parsed file; empty where there is none."""

    label: str
    data: Mapping[str, object]
    lines: Mapping[KeyPath, int]

    def where(self, *path: str | int) -> str:
        """`FILE:LINE` of a key or of the table around it."""
        line = line_of(self.lines, path)
        return self.label if line is None else f"{self.label}:{line}"


NO_DOCUMENT = Document(label="", data={}, lines={})


def read_document(path: Path | None, problems: list[Problem]) -> Document:
    """The file's content. What cannot be read or is not TOML becomes a problem, and the document is empty."""
    if path is None:
        return NO_DOCUMENT
    label = in_ascii(str(path))

    def refused(text: str) -> Document:
        problems.append(Problem(where=label, setting="file", text=text))
        return Document(label=label, data={}, lines={})

    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        return refused(f"cannot be read: {error.strerror or type(error).__name__}")
    except ValueError as error:
        return refused(f"cannot be read: {error}")
    if len(content) > BYTES_MAX:
        return refused(f"is larger than {BYTES_MAX} bytes")
    try:
        # TOML takes CRLF and LF alike; one of them is enough for counting lines.
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        return refused(f"is not UTF-8 text: byte {error.start}")
    try:
        data = tomllib.loads(text, parse_float=NumberText)
    except (ValueError, RecursionError) as error:
        return refused(f"is not TOML: {error}" if isinstance(error, tomllib.TOMLDecodeError) else "is not TOML")
    return Document(label=label, data=data, lines=key_lines(text))
