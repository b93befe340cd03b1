"""What must go on working in the cage: honest Python, its libraries, and compiled extensions."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sysconfig
import threading
from pathlib import Path

import pytest

from appliance.plugin_host.cage import Profile
from tests.cage.inside import attempt

SOURCE = """
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *unused) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "tiny", NULL, -1, methods};
PyMODINIT_FUNC PyInit_tiny(void) { return PyModule_Create(&definition); }
"""

USES = {
    "threads": 42,
    "event_loop": "pong\nping",
    "tls": "hello",
    "signing": True,
    "callback": [1, 2, 3, 4],
    "imports_after_closing": 12,
    "time_zone": "14:00 CEST",
    "passing_descriptors": "through",
    "waiting_bytes": 3,
    "processes_are_refused_cleanly": "refused",
}


@pytest.mark.parametrize("name", USES)
def test_a_worker_can_go_on(tmp_path: Path, name: str) -> None:
    assert attempt(name, state=tmp_path, module="uses").value == USES[name]


def test_the_state_folder_is_the_workers_own(tmp_path: Path) -> None:
    seen = attempt("state_folder", str(tmp_path), state=tmp_path, module="uses")
    assert seen.value == ["b", "b/moved", "db"]


def test_a_compiled_extension_loads_from_sealed_memory(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        if os.environ.get("REQUIRE_ALL"):
            pytest.fail("gcc is missing: nothing was proven about compiled extensions")
        pytest.skip("gcc is not installed: no extension was tried")
    built = tmp_path / "tiny.so"
    include = sysconfig.get_path("include")
    command = [compiler, "-shared", "-fPIC", f"-I{include}", "-x", "c", "-", "-o", str(built)]
    subprocess.run(command, input=SOURCE, text=True, check=True)
    state = tmp_path / "state"
    state.mkdir()
    ended = attempt("extension_from_memory", "tiny", built.read_bytes().hex(), state=state, module="uses")
    assert ended.value == 42


def test_the_broker_reaches_a_host(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            peer, _ = server.accept()
            peer.sendall(b"welcome\n")
            peer.close()

        greeting = threading.Thread(target=greet)
        greeting.start()
        ended = attempt("connect", server.getsockname()[1], state=tmp_path, profile=Profile.BROKER, module="uses")
        if not ended.worked:
            socket.create_connection(server.getsockname()).close()  # so that the thread ends
        greeting.join()
    assert ended.value == "welcome"


def test_the_broker_looks_up_names(tmp_path: Path) -> None:
    seen = attempt("look_up", state=tmp_path, profile=Profile.BROKER, module="uses").value
    assert isinstance(seen, list)
    assert {"127.0.0.1", "::1"} & set(seen)
