"""Runs the appender under strace, which kills it or fails its system calls at a chosen one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.strace import strace

ROOT = Path(__file__).parents[2]


def run(folder: Path, appends: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the appender on `folder` under strace; its trace, if any is asked for, goes to `folder`/trace."""
    search = [str(ROOT / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [strace(), "-f", "-qq", *options, sys.executable, "-m", "tests.store.appender", str(folder), str(appends)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)


def count_calls(folder: Path, appends: int, names: tuple[str, ...]) -> dict[str, int]:
    """How often the thread of an undisturbed run that makes a system call most often makes it.

    strace counts per thread: a number up to this one is reached in every run.
    """
    trace = folder / "trace"
    done = run(folder, appends, "-o", str(trace), "-e", f"trace={','.join(names)}")
    assert done.returncode == 0, done.stderr
    counts = Counter(re.findall(r"^(\d+) +(\w+)\(", trace.read_text(), re.MULTILINE))
    return {name: max((count for (_, seen), count in counts.items() if seen == name), default=0) for name in names}


def acknowledged(output: str) -> int:
    """The number of entries that the appender was told are on disk."""
    numbers = [int(line) for line in output.split() if line.isdigit()]
    return numbers[-1] + 1 if numbers else 0
