"""Each wall is missed when it is left out: another one still holds, or the attempt comes through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.plugin_host.cage import Measure
from tests.cage.inside import ALL, Ended, attempt, needs
from tests.cage.targets import targets

FILES, TCP, SCOPES = Measure.LANDLOCK_FILES, Measure.LANDLOCK_TCP, Measure.LANDLOCK_SCOPES
FILTER, MDWE = Measure.SECCOMP, Measure.MEMORY_DENY_WRITE_EXECUTE

OPEN = ""
"""Comes through."""

WALLS = [
    # attempt, what is left out, what is met instead
    ("read", ("/etc/passwd",), {FILES}, OPEN),
    ("read", ("/etc/passwd",), {FILTER}, "EACCES"),
    ("list_folder", ("/",), {FILES}, OPEN),
    ("execute", ("/bin/echo",), {FILES}, "EPERM"),
    ("execute", ("/bin/echo",), {FILTER}, "EACCES"),
    ("execute", ("/bin/echo",), {FILTER, FILES}, OPEN),
    ("execute", ("<own program>",), {FILTER}, "EACCES"),
    ("execute", ("<own program>",), {FILTER, FILES}, "ENOEXEC"),
    ("execute_memory", (), {FILES}, "EPERM"),
    ("execute_memory", (), {FILTER}, "EACCES"),
    ("execute_memory", (), {FILTER, FILES}, OPEN),
    ("fork", (), {FILTER}, OPEN),
    ("send_signal", ("<parent>",), {SCOPES}, "EPERM"),
    ("send_signal", ("<parent>",), {FILTER}, "EPERM"),
    ("send_signal", ("<parent>",), {FILTER, SCOPES}, OPEN),
    ("send_signal_when_readable", ("<parent>",), {FILTER}, OPEN),
    ("trace", ("<parent>",), {FILTER}, "EPERM"),
    ("connect_tcp", ("<tcp>",), {TCP}, "EPERM"),
    ("connect_tcp", ("<tcp>",), {FILTER}, "EACCES"),
    ("connect_tcp", ("<tcp>",), {FILTER, TCP}, OPEN),
    ("listen_tcp", (), {FILTER}, "EACCES"),
    ("send_udp", ("<udp>",), {FILTER}, OPEN),
    ("connect_unix", ("<abstract>",), {SCOPES}, "EPERM"),
    ("connect_unix", ("<abstract>",), {FILTER}, "EPERM"),
    ("connect_unix", ("<abstract>",), {FILTER, SCOPES}, OPEN),
    ("connect_unix", ("<path>",), {FILTER}, OPEN),
    ("write_and_execute_memory", (), {MDWE}, "EPERM"),
    ("write_and_execute_memory", (), {FILTER}, "EACCES"),
    ("write_and_execute_memory", (), {FILTER, MDWE}, OPEN),
    ("make_memory_executable", (), {MDWE}, "EPERM"),
    ("make_memory_executable", (), {FILTER}, "EACCES"),
    ("symbolic_link", ("/etc/passwd", "<new file>"), {FILTER}, "EACCES"),
    ("symbolic_link", ("/etc/passwd", "<new file>"), {FILES}, "EPERM"),
    ("hard_link", ("<outside file>", "<new file>"), {FILTER}, "EXDEV"),
    ("change_mode", ("<outside file>",), {FILTER}, OPEN),
    ("truncate", ("<outside file>",), {FILTER}, "EACCES"),
    ("raise_limit", (), {Measure.RLIMITS}, OPEN),
]


@pytest.mark.parametrize(("name", "aims", "without", "met"), WALLS)
def test_what_a_wall_holds_back(
    tmp_path: Path, name: str, aims: tuple[object, ...], without: set[Measure], met: str
) -> None:
    for measure in ALL:
        needs(measure)
    with targets(tmp_path) as (state, meant):
        ended = attempt(name, *(meant.get(aim, aim) for aim in aims), state=state, measures=ALL - without)
    assert (ended.refused, ended.died) == (met, 0)


def _state_of(measure: Measure, state: Path, *, without: frozenset[Measure]) -> Ended:
    return attempt("state_of", measure, state=state, measures=ALL - without, module="uses")


@pytest.mark.parametrize(
    ("measure", "on"),
    [
        (Measure.NOT_DUMPABLE, 0),
        (Measure.MEMORY_DENY_WRITE_EXECUTE, 1),
        (Measure.RLIMITS, 256),
        (Measure.NO_CORE_DUMPS, 0),
    ],
)
def test_the_kernel_tells_a_measure_from_its_absence(tmp_path: Path, measure: Measure, on: int) -> None:
    needs(measure)
    assert _state_of(measure, tmp_path, without=frozenset()).value == on
    left_out = _state_of(measure, tmp_path, without=frozenset({measure})).value
    if measure is Measure.NO_CORE_DUMPS and left_out == 0:
        pytest.skip("core dumps are denied to this test already")
    if measure is Measure.NOT_DUMPABLE and os.getuid() == 0:
        return  # giving up capabilities makes root's process non-dumpable too
    assert left_out != on


def test_root_in_the_cage_can_regain_nothing(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("this user has no capability to regain")
    ended = attempt("what_root_could_regain", state=tmp_path, measures=ALL - {FILTER})
    assert ended.value == [0, 0xEF]


def test_without_the_measure_root_keeps_its_capabilities(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("this user has no capability to keep")
    kept = attempt("own_everything", state=tmp_path, measures=ALL - {Measure.CAPABILITIES}).value
    assert kept != [0, 0, 0]
