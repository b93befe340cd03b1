"""Standard input and output as a wire: pipes, files and a socket; and nothing else ever gets on it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

INITIALIZE = (
    b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},'
    b'"clientInfo":{"name":"t","version":"1"}}}\n'
)
CALL = b'{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"get_health","arguments":{}}}\n'
SCRIPT = INITIALIZE + b"".join(CALL % number for number in range(1, 50))


def child(folder: Path) -> list[str]:
    return [sys.executable, "-m", "tests.transport.stdio_child", str(folder)]


def require_every_answer(text: bytes) -> None:
    answers = [json.loads(line) for line in text.splitlines()]
    assert {answer["id"] for answer in answers} == set(range(50))


def test_stray_output_of_the_process_and_its_children_stays_off_the_wire(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(child(tmp_path), stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stderr is not None
        said = list(iter(process.stderr.readline, b"said enough\n"))
        answered, _ = process.communicate(SCRIPT, timeout=60)
    require_every_answer(answered)
    assert [line.strip() for line in said if b"stray" in line].count(b"a stray child") == 3


def test_files_serve_as_both_ends(tmp_path: Path) -> None:
    asked, answered = tmp_path / "asked", tmp_path / "answered"
    asked.write_bytes(SCRIPT)
    with asked.open("rb") as source, answered.open("wb") as sink:
        subprocess.run(
            child(tmp_path / "home"), stdin=source, stdout=sink, stderr=subprocess.PIPE, timeout=60, check=True
        )
    require_every_answer(answered.read_bytes())


def test_one_socket_serves_as_both_ends(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours:
        process = subprocess.Popen(child(tmp_path), stdin=theirs, stdout=theirs, stderr=subprocess.PIPE)
        theirs.close()
        ours.sendall(SCRIPT)
        ours.shutdown(socket.SHUT_WR)
        require_every_answer(ours.makefile("rb").read())
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_no_input_at_all_ends_at_once(tmp_path: Path) -> None:
    done = subprocess.run(child(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    assert done.stdout == b""
