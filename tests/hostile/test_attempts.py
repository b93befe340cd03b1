"""What a hostile plugin tries in its cage, one attempt at a time: refused by name, and nobody else notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.cage import Measure
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.supervisor import Worker
from tests.cage.inside import needs
from tests.hostile.attempts.notifier import ATTEMPTS
from tests.hostile.stage import SECRET, Stage, new_stage, source_of, targets, with_sibling

ROOT = Path(__file__).parents[2]


class Scene:
    """The stage, the facts that the hostile plugin is told, and the worker that it is in."""

    def __init__(self, stage: Stage, facts: Mapping[str, str]) -> None:
        self.stage = stage
        self.facts = facts

    @property
    def hostile(self) -> Worker:
        return self.stage.worker("hostile")

    def attempt(self, name: str) -> str:
        sibling = self.stage.worker("sibling").health().pid
        return self.stage.notify("hostile", name, json.dumps({**self.facts, "sibling": str(sibling)}))


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with new_stage() as stage, targets(stage.home) as facts:
        with_sibling(stage)
        entry = stage.install("hostile", source_of("attempts", "notifier.py"), [Kind.NOTIFIER], ["token"])
        stage.instance(
            Kind.NOTIFIER, "hostile", "hostile", {"token": "secret of the hostile"},
            private_hosts=(Endpoint("127.0.0.1", int(facts["port"])),),
            hosts=(Endpoint("localhost", int(facts["other_port"])),),
        )  # fmt: skip
        stage.instance(Kind.DATA_SOURCE, "sample", "sample", settings={"history_minutes": "0"})
        stage.start()
        wheel = stage.home.plugins / "hostile" / entry.wheel
        yield Scene(stage, {**facts, "wheel": str(wheel)})


BY_RULE = """
    add_to_own_plugin_folder climb_out_by_its_descriptor climb_out_of_state_folder enter_root_of_core halt_trading
    list_descriptors_of_core list_home list_processes list_root move_journal_in move_loot_out raise_own_importance
    read_command_line_of_core read_configuration read_environ_of_core read_environ_of_parent read_journal
    read_memory_of_core read_memory_of_parent read_own_mounts read_own_secret_again read_passwd read_permit_key
    read_secret_of_sibling read_state_of_sibling remove_journal replace_own_wheel write_into_shared_folder
    write_into_the_appliance write_state_of_sibling
"""
"""Landlock's answer (EACCES) to a path that is not the plugin's."""

BY_BROKER = """
    reach_another_host reach_another_port reach_loopback_as_a_number reach_loopback_behind_a_public_name
    reach_loopback_by_another_address reach_loopback_by_another_name reach_loopback_by_ipv6 reach_loopback_in_octal
    reach_loopback_inside_ipv6 reach_metadata_service reach_metadata_service_by_name
"""
"""The broker's answer (EACCES), counted by target."""

BY_LIMIT = {
    "eat_memory": "ENOMEM",
    "fill_the_disk": "EFBIG",
    "fork_by_number": "ENOSYS",
    "hold_a_request_half_open": "ETIMEDOUT",
    "open_files_without_end": "EMFILE",
    "smuggle_a_second_target": "gaierror",
    "thread_bomb": "EAGAIN",
}

EXPECTED = dict.fromkeys(ATTEMPTS, "EPERM") | dict.fromkeys((BY_RULE + BY_BROKER).split(), "EACCES") | BY_LIMIT
"""What each attempt is answered; most by the filter of system calls (EPERM)."""

COME_THROUGH_UNCAGED = [
    "read_environ_of_core",
    "read_environ_of_parent",
    "read_command_line_of_core",
    "list_descriptors_of_core",
    "enter_root_of_core",
    "list_processes",
    "probe_core",
    "limit_core",
    "starve_sibling",
    "signal_core_when_readable",
    "stop_core",
    "kill_sibling",
    "read_journal",
    "read_permit_key",
    "read_configuration",
    "list_home",
    "read_secret_of_sibling",
    "read_own_secret_again",
    "read_state_of_sibling",
    "write_state_of_sibling",
    "read_passwd",
    "list_root",
    "read_own_mounts",
    "link_out_of_state_folder",
    "link_journal_into_state_folder",
    "climb_out_of_state_folder",
    "climb_out_by_its_descriptor",
    "move_loot_out",
    "set_times_of_journal",
    "watch_home",
    "make_a_pipe_file",
    "halt_trading",
    "write_into_shared_folder",
    "replace_own_wheel",
    "add_to_own_plugin_folder",
    "open_home_to_everybody",
    "cut_journal",
    "remove_journal",
    "connect_past_broker",
    "connect_to_operator",
    "connect_to_abstract_socket",
    "send_from_a_datagram_pair",
    "send_datagram",
    "open_netlink",
    "bind_abstract_socket",
    "listen_in_state_folder",
    "listen_on_a_port",
    "reach_another_port",
    "reach_loopback_behind_a_public_name",
    "execute_a_shell",
    "execute_own_file",
    "execute_a_file_as_it_is",
    "execute_from_memory",
    "spawn_a_shell",
    "run_a_subprocess",
    "start_with_multiprocessing",
    "fork_once",
    "become_dumpable",
    "map_writable_code",
    "make_data_executable",
]
"""What any user may do on any Linux, in this order. The rest needs root, a special kernel, or a machine to spare."""

ONLY_ROOT_UNCAGED = ["read_memory_of_core", "copy_memory_of_core", "write_memory_of_core"]
"""Elsewhere Yama may forbid it to a process that is no ancestor (Documentation/admin-guide/LSM/Yama.rst)."""

UNCAGED = """
import json, os, sys
from tests.hostile.attempts.notifier import tried
facts = json.load(sys.stdin)
for name in sys.argv[1:]:
    if os.fork() == 0:
        os.dup2(os.open(f"{facts['outside']}/{name}.answer", os.O_CREAT | os.O_WRONLY, 0o600), 1)
        os.write(1, tried(name, facts).encode())
        os._exit(0)
    os.wait()
"""
VICTIM = """
import ctypes
secret = ctypes.create_string_buffer(b"secret")
print(ctypes.addressof(secret), flush=True)
input()
"""


@pytest.mark.parametrize("name", EXPECTED)
def test_the_cage_refuses_it_and_nobody_else_notices(scene: Scene, name: str) -> None:
    needs(Measure.SECCOMP)
    if name in BY_RULE.split():
        needs(Measure.LANDLOCK_FILES)
    assert scene.attempt(name).startswith(f"hostile: REFUSED {EXPECTED[name]}: ")
    assert scene.stage.notify("sibling", "are you well?") == ""
    assert [(worker.state, worker.restarts) for worker in scene.stage.host.health()] == [(WorkerState.READY, 0)] * 3
    assert SECRET.value == b"secret of the core"


def test_there_are_attempts_of_every_sort() -> None:
    assert len(ATTEMPTS) >= 100
    assert set(EXPECTED) == set(ATTEMPTS)
    assert set(COME_THROUGH_UNCAGED) < set(ATTEMPTS)


def test_the_broker_counts_what_it_refused_by_target(scene: Scene) -> None:
    """The counts travel on their own, some moments later."""

    def counted(target: str) -> int:
        counts = scene.hostile.health().egress
        return counts.refused_by_target.get(target, 0) if counts is not None else 0

    before = counted("169.254.169.254:80")
    scene.attempt("reach_metadata_service")
    scene.stage.until(lambda: counted("169.254.169.254:80") == before + 1)


def test_where_memory_runs_out_a_worker_goes_before_the_core(scene: Scene) -> None:
    """What a process shares, or keeps in memory files, is under no limit of its own."""
    for worker in scene.stage.host.health():
        assert Path(f"/proc/{worker.pid}/oom_score_adj").read_text() == "1000\n"
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 1000


def test_the_rest_of_the_home_is_as_it_was(scene: Scene) -> None:
    home = scene.stage.home
    assert {path.read_text() for path in (home.journal, home.permit_key, home.config)} == {"worth having"}
    assert not home.halt_file.exists()
    assert [path.name for path in (home.plugin_state / "sibling").iterdir()] == ["own"]
    assert list(Path(scene.facts["outside"]).iterdir()) == []


def test_without_the_cage_the_same_functions_come_through() -> None:
    names = (ONLY_ROOT_UNCAGED if os.getuid() == 0 else []) + COME_THROUGH_UNCAGED
    with new_stage() as stage, targets(stage.home) as facts, victim() as (core, address), victim() as (sibling, _):
        state = stage.home.plugin_state / "hostile"
        for path in ("secrets/sibling", "secrets/hostile", "plugin-state/sibling", "plugin-state/hostile"):
            (stage.home.root / path).mkdir(parents=True)
            (stage.home.root / path / "token").write_text("secret")
        (stage.home.plugins / "wheel").write_text("code")
        aims = {"core": core, "address": address, "sibling": sibling, "wheel": str(stage.home.plugins / "wheel")}
        # Run from the plugin's state folder, as a worker is.
        subprocess.run(
            [sys.executable, "-c", UNCAGED, *names], input=json.dumps({**facts, **aims}), cwd=state, text=True,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", "PATH": os.environ["PATH"]}, timeout=60, check=True,
        )  # fmt: skip
        answers = {name: Path(f"{facts['outside']}/{name}.answer").read_text() for name in names}
    assert {name: answer for name, answer in answers.items() if not answer.startswith("GOT ")} == {}


@contextmanager
def victim() -> Iterator[tuple[str, str]]:
    """A process to attack: its PID, and where its secret is."""
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield str(process.pid), process.stdout.readline().strip()
        finally:
            process.kill()
