"""Closing the cage: what is reported, what is refused, and that it cannot be opened again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.plugin_host import cage
from appliance.plugin_host.cage import landlock, seccomp
from tests.cage.inside import ROOT

START = """
import json, os, threading
from appliance.plugin_host import cage
from appliance.plugin_host.cage import entering, landlock, process, seccomp
state = os.environ["STATE"]
def enter(**changes):
    given = dict(read_paths=cage.runtime_paths(), write_paths=[state], required=[])
    return cage.enter(cage.Profile.WORKER, **{**given, **changes})
def tell(**changes):
    try:
        print(json.dumps(dict(enter(**changes).measures)))
    except cage.CageRefused as refused:
        print(json.dumps(str(refused)))
"""


def run(program: str, state: Path) -> object:
    """The JSON that a program printed which may call `enter` and `tell`."""
    done = subprocess.run(
        [sys.executable, "-c", START + program],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}/plugins:{ROOT}:{os.environ.get('PYTHONPATH', '')}", "STATE": str(state)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_available_is_what_is_applied(tmp_path: Path) -> None:
    assert run("tell()", tmp_path) == dict(cage.available().measures)


def test_probing_applies_nothing() -> None:
    cage.available()
    assert not seccomp.is_filtered()
    assert Path("/etc/passwd").read_bytes()


def test_every_measure_is_reported() -> None:
    assert set(cage.available().measures) == set(cage.Measure)


def test_a_kernel_without_a_required_measure_is_refused_by_name(tmp_path: Path) -> None:
    program = "landlock.abi = lambda: 2\ntell(required=['seccomp', 'landlock_tcp'])"
    assert run(program, tmp_path) == "landlock_tcp: Landlock ABI 2, this needs 4"


def test_a_refusal_for_a_missing_measure_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    program = "landlock.abi = lambda: 2\ntell(required=['landlock_tcp'])\nopen('/etc/passwd').close(); os.listdir('/')"
    assert isinstance(run(program, tmp_path), str)


def test_an_older_landlock_still_gives_what_it_has(tmp_path: Path) -> None:
    program = """
landlock.abi = lambda: 2
report = enter()
try:
    open("/etc/passwd")
    seen = "read"
except PermissionError:
    seen = "refused"
print(json.dumps([report.missing, seen]))
"""
    assert run(program, tmp_path) == [["landlock_tcp", "landlock_scopes"], "refused"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [("ENOSYS", "this kernel has no Landlock (Linux 5.13)"), ("EOPNOTSUPP", "Landlock is switched off in this kernel")],
)
def test_a_kernel_without_landlock_says_so(monkeypatch: pytest.MonkeyPatch, number: str, reason: str) -> None:
    import errno

    def refuse() -> int:
        raise OSError(getattr(errno, number), "no")

    monkeypatch.setattr(landlock, "abi", refuse)
    measures = cage.available().measures
    for measure in (cage.Measure.LANDLOCK_FILES, cage.Measure.LANDLOCK_TCP, cage.Measure.LANDLOCK_SCOPES):
        assert measures[measure].startswith(reason)
    assert set(cage.available().missing) >= {"landlock_files", "landlock_tcp", "landlock_scopes"}


def test_a_machine_without_a_table_has_no_seccomp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "machine", lambda: None)
    assert cage.available().measures["seccomp"].startswith("no table of system calls for")


def test_a_measure_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    assert run("tell(required=['selinux'])", tmp_path) == "selinux: there is no such measure"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ("read_paths=['/is/not/there']", "cannot open '/is/not/there': No such file or directory"),
        ("read_paths=['relative']", "'relative' is not an absolute path"),
        ("write_paths=['/is/not/there']", "cannot open '/is/not/there': No such file or directory"),
        ("write_paths=['/etc/hostname']", "cannot open '/etc/hostname': Not a directory"),
        ("write_paths=[state + '/link']", "link': Not a directory"),
    ],
)
def test_a_path_that_cannot_be_let_through_is_refused(tmp_path: Path, changes: str, refused: str) -> None:
    (tmp_path / "link").symlink_to("/")
    said = run(f"tell({changes})", tmp_path)
    assert isinstance(said, str)
    assert said.startswith("landlock_files: ")
    assert said.endswith(refused)


def test_a_second_thread_is_refused(tmp_path: Path) -> None:
    program = """
over = threading.Event()
threading.Thread(target=over.wait).start()
tell()
over.set()
"""
    assert run(program, tmp_path) == "another thread runs in this process, and would stay outside the cage"


def test_a_measure_that_does_not_hold_is_refused(tmp_path: Path) -> None:
    program = "process.deny_dumping = lambda: None\nprocess.is_dumpable = lambda: True\ntell()"
    assert run(program, tmp_path) == "not_dumpable: it was applied and does not hold"


def test_a_kernel_that_says_no_is_refused(tmp_path: Path) -> None:
    program = "process.deny_new_privileges = lambda: None\ntell(read_paths=['/usr'])"
    said = run(program, tmp_path)
    assert isinstance(said, str)
    assert said.startswith("the cage does not close: ")


def test_a_hardened_process_is_closed_to_its_user(tmp_path: Path) -> None:
    program = """
import resource
cage.harden()
print(json.dumps([process.is_dumpable(), resource.getrlimit(resource.RLIMIT_CORE)]))
"""
    assert run(program, tmp_path) == [False, [0, 0]]


def test_the_runtime_needs_no_home_and_no_whole_system() -> None:
    paths = cage.runtime_paths()
    homes = {Path.home(), Path("~root").expanduser(), Path(os.path.expanduser(f"~{os.environ.get('USER', 'root')}"))}
    for whole in ("/", "/etc", "/home", "/root", "/var", "/tmp", "/proc", "/sys", "/dev", *map(str, homes)):
        assert whole not in paths
    assert all(os.path.isabs(path) and os.path.exists(path) for path in paths)
    assert not any("/private" in path for path in paths)


def test_a_folder_that_holds_the_home_is_not_let_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "srv" / "home"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(home), str(home / "venv"), "", "relative", *sys.path])
    (home / "venv").mkdir()
    paths = cage.runtime_paths()
    assert not {str(tmp_path), str(home), "", "relative"} & set(paths)
    assert str(home / "venv") in paths


def test_a_frozen_program_reads_its_tree_and_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    program = tmp_path / "readytrader"
    program.touch()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tree), raising=False)
    monkeypatch.setattr(sys, "executable", str(program))
    paths = cage.runtime_paths()
    assert paths[:2] == (str(tree), str(program))
    assert str(ROOT) not in paths
