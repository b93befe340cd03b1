"""The frozen program is what was built: nothing in the environment or the user's folders gets in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance import __version__
from tests.frozen.builds import ONE_FILE, UNPACKED

EVIL = "import os\nopen(os.environ['MARK'], 'a').write(__name__ + '\\n')\n"
MODULES = ("appliance", "msgspec", "click", "json", "sitecustomize", "usercustomize")
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    """An environment in which every way into Python leads to code that leaves a mark."""
    user = tmp_path / ".local" / "lib" / VERSION / "site-packages"
    for folder in (tmp_path / "evil", user):
        folder.mkdir(parents=True)
        for module in MODULES:
            (folder / f"{module}.py").write_text(EVIL)
        (folder / "evil.pth").write_text(f"import os; open({str(tmp_path / 'mark')!r}, 'a').write('pth\\n')\n")
    evil = str(tmp_path / "evil")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "MARK": str(tmp_path / "mark"),
        "PYTHONPATH": evil,
        "PYTHONSTARTUP": f"{evil}/json.py",
        "PYTHONUSERBASE": str(tmp_path / ".local"),
        "PYTHONINSPECT": "1",
        "PYTHONHOME": evil,
        "PYTHONWARNINGS": "error",
    }


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        cwd=environment["PYTHONPATH"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_is_planted_gets_into_a_python_that_is_not_frozen(planted: dict[str, str]) -> None:
    """Or the tests below would prove nothing."""
    del planted["PYTHONHOME"]
    run([sys.executable, "-m", "json.tool", "--help"], planted)
    assert Path(planted["MARK"]).read_text()


@pytest.mark.parametrize("program", [ONE_FILE, UNPACKED], ids=["one file", "tree"])
def test_the_environment_and_the_user_s_folders_have_no_say(planted: dict[str, str], program: Path) -> None:
    assert run([str(program), "version"], planted).stdout == f"readytrader {__version__}\n"
    for verb in (["selftest"], ["plugin", "new", "notifier", "acme", "--into", planted["HOME"]]):
        ended = run([str(program), *verb], planted)
        assert ended.returncode == 0, ended
    assert not Path(planted["MARK"]).exists()


def test_nor_have_they_in_the_workers_of_a_daemon(planted: dict[str, str]) -> None:
    ended = run([str(UNPACKED), "demo", "--plain"], planted)
    assert ended.returncode == 0, ended
    assert not Path(planted["MARK"]).exists()
