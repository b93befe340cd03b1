"""What the attempts aim at: files and sockets outside the cage, and this very process, under names for tables."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

SECRET = ctypes.create_string_buffer(b"secret")
"""In the memory of the process that the attempts are made against."""


@contextmanager
def targets(folder: Path) -> Iterator[tuple[Path, Mapping[object, object]]]:
    """A state folder for the caged process, and what each name in a table stands for."""
    state, outside = folder / "state", folder / "outside"
    for made in (state, outside):
        made.mkdir()
    (state / "own").write_text("own")
    (outside / "file").write_text("another's")
    (state / "program").write_text("no machine code: ENOEXEC as soon as it may be executed")
    (state / "program").chmod(0o700)
    (state / "link_outside").symlink_to(outside / "file")
    abstract = f"readytrader-test-{os.getpid()}"
    with ExitStack() as closing:
        tcp = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = closing.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        for address in (f"\0{abstract}", str(state / "socket")):
            listening = closing.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(address)
            listening.listen()
        yield (
            state,
            {
                "<parent>": os.getpid(),
                "<its secret>": ctypes.addressof(SECRET),
                "<its environ>": f"/proc/{os.getpid()}/environ",
                "<its memory>": f"/proc/{os.getpid()}/mem",
                "<runtime file>": os.__file__,
                "<own file>": str(state / "own"),
                "<own program>": str(state / "program"),
                "<new file>": str(state / "new"),
                "<link outside>": str(state / "link_outside"),
                "<way up>": f"{state}/../outside/file",
                "<outside>": str(outside),
                "<outside file>": str(outside / "file"),
                "<outside new>": str(outside / "new"),
                "<tcp>": tcp.getsockname()[1],
                "<udp>": udp.getsockname()[1],
                "<abstract>": f"@{abstract}",
                "<path>": str(state / "socket"),
            },
        )
