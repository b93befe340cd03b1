"""The walk-through of the SDK's README is executed as it stands, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from appliance.plugin_host.cage import Measure
from tests.cage.inside import needs

README = Path(__file__).parents[2] / "plugins/README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
MARK = "=== done with"
SHELL_S_MAX = 240


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Every command of the console blocks with what it prints: `$ ` begins one, `> ` continues it."""
    command: list[str] = []
    printed: list[str] = []
    for line in "".join(BLOCK.findall(text)).splitlines():
        if line.startswith("$ "):
            if command:
                yield "\n".join(command), "\n".join(printed)
            command, printed = [line[2:]], []
        elif line.startswith("> ") and not printed:
            command.append(line[2:])
        else:
            printed.append(line)
    yield "\n".join(command), "\n".join(printed)


def pattern(printed: str) -> re.Pattern[str]:
    """What was said to be printed: `…` alone on a line stands for any lines, within one for any characters."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else r"[^\n]*?".join(map(re.escape, line.split("…"))) + r" *\n"
        for line in printed.splitlines()
    ]
    return re.compile("".join(lines))


def test_the_walk_through_of_the_readme_works_as_it_is_written(tmp_path: Path) -> None:
    for measure in (Measure.NO_NEW_PRIVILEGES, Measure.SECCOMP, Measure.LANDLOCK_FILES):
        needs(measure)
    steps = list(commands(README.read_text()))
    assert len(steps) >= 15
    script = "set -e\n" + "".join(f"{command}\necho '{MARK} {number}'\n" for number, (command, _) in enumerate(steps))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("READYTRADER_", "PYTEST_"))},
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "200",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SHELL_S_MAX
    )
    told = ran.stdout
    assert ran.returncode == 0, told + ran.stderr
    for number, (command, printed) in enumerate(steps):
        output, found, told = told.partition(f"{MARK} {number}\n")
        assert found, f"{command}: not reached"
        assert pattern(printed).fullmatch(output), f"$ {command}\n{output}\n--- the README says\n{printed}"
