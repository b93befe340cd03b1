"""What a caged worker does not get, each attempt made for real; and made without a cage, where it comes through."""

from __future__ import annotations

import os
import pty
import socket
from pathlib import Path

import pytest
from msgspec import Struct

from appliance.plugin_host.cage import Measure, Profile
from tests.cage.inside import attempt, needs
from tests.cage.targets import targets

DENIED = ("EACCES",)


class Attempt(Struct, frozen=True, kw_only=True):
    name: str
    arguments: tuple[object, ...] = ()
    refused: tuple[str, ...] = ("EPERM",)
    alone: bool = True
    """Whether an ordinary user gets it without a cage, on any kernel; else only root does."""


FILES = [
    # Files are Landlock's: EACCES. What Landlock does not rule over is seccomp's: EPERM.
    Attempt(name="read", arguments=("/etc/passwd",), refused=DENIED),
    Attempt(name="list_folder", arguments=("/",), refused=DENIED),
    Attempt(name="list_folder", arguments=("/proc",), refused=DENIED),
    Attempt(name="read", arguments=("<outside file>",), refused=DENIED),
    Attempt(name="write", arguments=("<outside file>",), refused=DENIED),
    Attempt(name="write", arguments=("<outside new>",), refused=DENIED),
    Attempt(name="open_for_writing", arguments=("<runtime file>",), refused=DENIED, alone=False),
    Attempt(name="read", arguments=("<link outside>",), refused=DENIED),
    Attempt(name="read", arguments=("<way up>",), refused=DENIED),
    Attempt(name="rename", arguments=("<outside file>", "<new file>"), refused=("EACCES", "EXDEV")),
    Attempt(name="rename", arguments=("<own file>", "<outside new>"), refused=("EACCES", "EXDEV")),
    Attempt(name="hard_link", arguments=("<outside file>", "<new file>")),
    Attempt(name="symbolic_link", arguments=("<outside file>", "<new file>")),
    Attempt(name="make_pipe_file", arguments=("<new file>",)),
    Attempt(name="truncate", arguments=("<outside file>",)),
    Attempt(name="truncate_what_is_open_for_reading", arguments=("<own file>",)),
    Attempt(name="open_for_neither", arguments=("<own file>",)),
    Attempt(name="change_mode", arguments=("<outside file>",)),
    Attempt(name="change_mode_of_open", arguments=("<own file>",)),
    Attempt(name="change_times", arguments=("<outside file>",)),
    Attempt(name="change_attributes", arguments=("<own file>",)),
    Attempt(name="watch_folder", arguments=("<outside>",)),
    Attempt(name="read", arguments=("/proc/self/environ",), refused=DENIED),
    Attempt(name="read", arguments=("/proc/self/maps",), refused=DENIED),
    Attempt(name="write", arguments=("/dev/tty",), refused=DENIED),
    Attempt(name="write", arguments=("/dev/ptmx",), refused=DENIED),
]
PROCESSES = [
    Attempt(name="read", arguments=("<its environ>",), refused=DENIED),
    Attempt(name="read", arguments=("<its memory>",), refused=DENIED, alone=False),
    Attempt(name="copy_memory_of", arguments=("<parent>", "<its secret>"), alone=False),
    Attempt(name="trace", arguments=("<parent>",), alone=False),
    Attempt(name="send_signal", arguments=("<parent>",)),
    Attempt(name="send_signal_to_group"),
    Attempt(name="send_signal_when_readable", arguments=("<parent>",)),
    Attempt(name="open_process", arguments=("<parent>",)),
    Attempt(name="limit_process", arguments=("<parent>",)),
    Attempt(name="pin_process", arguments=("<parent>",)),
    Attempt(name="slow_process", arguments=("<parent>",)),
    Attempt(name="raw_call", arguments=("process_madvise",)),
    Attempt(name="raw_call", arguments=("kcmp",)),
    Attempt(name="execute", arguments=("/bin/echo",)),
    Attempt(name="execute", arguments=("<own program>",)),
    Attempt(name="execute_memory"),
    Attempt(name="fork"),
    Attempt(name="vfork"),
    Attempt(name="raw_call", arguments=("clone3",), refused=("ENOSYS",)),
    *(Attempt(name="new_namespace", arguments=(which,), alone=False) for which in ("user", "net", "mount", "pid")),
    Attempt(name="mount", alone=False),
    Attempt(name="chroot", alone=False),
    Attempt(name="change_user"),
    Attempt(name="set_personality"),
]
UNIX, INET, INET6, NETLINK, PACKET = 1, 2, 10, 16, 17
STREAM, DATAGRAM, RAW, SEQUENCED = 1, 2, 3, 5
SOCKETS = [
    *(Attempt(name="make_socket", arguments=(INET, kind)) for kind in (STREAM, DATAGRAM)),
    *(Attempt(name="make_socket", arguments=(INET6, kind), alone=False) for kind in (STREAM, DATAGRAM)),
    Attempt(name="make_socket", arguments=(INET, RAW, 1), alone=False),
    Attempt(name="make_socket", arguments=(PACKET, RAW), alone=False),
    Attempt(name="make_socket", arguments=(NETLINK, RAW)),
    *(Attempt(name="make_socket", arguments=(UNIX, kind)) for kind in (STREAM, DATAGRAM, SEQUENCED)),
    Attempt(name="connect_tcp", arguments=("<tcp>",)),
    Attempt(name="listen_tcp"),
    Attempt(name="send_udp", arguments=("<udp>",)),
    Attempt(name="connect_unix", arguments=("<abstract>",)),
    Attempt(name="connect_unix", arguments=("<path>",)),
    Attempt(name="make_pair", arguments=(UNIX, DATAGRAM)),
    Attempt(name="make_pair", arguments=(UNIX, SEQUENCED)),
    Attempt(name="filter_socket"),
]
MEMORY_AND_KERNEL = [
    Attempt(name="write_and_execute_memory"),
    Attempt(name="make_memory_executable"),
    Attempt(name="raise_limit", alone=False),
    Attempt(name="prctl", arguments=(4, 1)),  # PR_SET_DUMPABLE
    Attempt(name="prctl", arguments=(1, 0)),  # PR_SET_PDEATHSIG: to outlive the core
    Attempt(name="shared_memory"),
    Attempt(name="message_queue", alone=False),
    *(Attempt(name="raw_call", arguments=(name,)) for name in ("add_key", "keyctl", "bpf", "io_uring_setup")),
    *(Attempt(name="raw_call", arguments=(name,), alone=False) for name in ("perf_event_open", "userfaultfd")),
]
ATTEMPTS = [*FILES, *PROCESSES, *SOCKETS, *MEMORY_AND_KERNEL]


def said(tried: Attempt) -> str:
    """The attempt in a test's name."""
    return "-".join(map(str, (tried.name, *tried.arguments)))


@pytest.mark.parametrize("tried", ATTEMPTS, ids=said)
def test_the_cage_refuses_what_comes_through_without_it(tmp_path: Path, tried: Attempt) -> None:
    needs(Measure.SECCOMP)
    needs(Measure.LANDLOCK_FILES)
    with targets(tmp_path) as (state, meant):
        arguments = [meant.get(argument, argument) for argument in tried.arguments]
        caged = attempt(tried.name, *arguments, state=state)
        assert caged.refused in tried.refused
        if tried.alone or os.getuid() == 0:
            free = attempt(tried.name, *arguments, state=state, measures=())
            assert free.refused not in tried.refused


def test_a_terminal_that_was_given_takes_no_typing(tmp_path: Path) -> None:
    needs(Measure.SECCOMP)
    ours, theirs = pty.openpty()
    try:
        ended = attempt("type_into_terminal", theirs, state=tmp_path, pass_fds=[theirs])
    finally:
        os.close(ours)
        os.close(theirs)
    assert ended.refused == "EPERM"


def test_a_socket_that_was_given_cannot_be_connected(tmp_path: Path) -> None:
    needs(Measure.SECCOMP)
    with socket.socket() as given:
        ended = attempt("connect_given", given.fileno(), 9, state=tmp_path, pass_fds=[given.fileno()])
    assert ended.refused == "EPERM"


def test_a_call_through_another_table_of_the_machine_ends_the_process(tmp_path: Path) -> None:
    needs(Measure.SECCOMP)
    if os.uname().machine != "x86_64":
        pytest.skip("only x86_64 has a second table for 64 bits")
    assert attempt("call_of_another_architecture", state=tmp_path).died == -31


def test_root_in_the_cage_has_no_capability(tmp_path: Path) -> None:
    assert attempt("own_everything", state=tmp_path).value == [0, 0, 0]
    if os.getuid() == 0:
        assert attempt("own_everything", state=tmp_path, measures=()).value != [0, 0, 0]


def test_resources_are_bounded(tmp_path: Path) -> None:
    limits = attempt("limits", state=tmp_path).value
    mib = 1024 * 1024
    at_most = {"CORE": 0, "DATA": 1024 * mib, "FSIZE": 64 * mib, "MEMLOCK": 65536, "NOFILE": 256}
    assert isinstance(limits, dict)
    assert {name: 0 <= limits[name] <= most for name, most in at_most.items()} == dict.fromkeys(at_most, True)


BROKER_REFUSED = [
    Attempt(name="listen_tcp"),
    Attempt(name="make_socket", arguments=(1, 1)),
    Attempt(name="make_socket", arguments=(16, 3)),
    Attempt(name="make_socket", arguments=(2, 3, 1)),
    Attempt(name="make_socket", arguments=(2, 2, 1)),
    Attempt(name="make_pair", arguments=(1, 2)),
    Attempt(name="read", arguments=("/etc/passwd",), refused=("EACCES",)),
    Attempt(name="fork"),
    Attempt(name="execute", arguments=("/bin/echo",)),
]


@pytest.mark.parametrize("tried", BROKER_REFUSED, ids=said)
def test_the_broker_gets_no_more_than_ways_out(tmp_path: Path, tried: Attempt) -> None:
    needs(Measure.SECCOMP)
    needs(Measure.LANDLOCK_FILES)
    ended = attempt(tried.name, *tried.arguments, state=tmp_path, profile=Profile.BROKER)
    assert ended.refused in tried.refused
