"""Breaks one promise at a time in a copy of the appliance, and fails when the tests that keep it do not notice.

    python -m tests.mutants [WORD ...]     only mutants whose name has one of the words

Each mutant is a text patch; its tests are few and quick. What fails for another reason (a patch that fits no more, a
copy that cannot be imported, tests that are not there or take too long) fails the run as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from tests.mutants.catalog import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
BOUND_S = 60
"""For the tests of one mutant. They take a few seconds; a mutant that makes them hang is caught by their own bounds."""
TESTS_FAILED = 1
"""pytest's exit code; every other but 0 says that the tests did not run as meant."""


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    NO_TEST = "NOT TESTED"


def main(words: Sequence[str]) -> int:
    """The exit code: 0 when every mutant is killed."""
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    bad = 0
    with copied() as tree:
        if not are_sound(tree, chosen):
            return 1
        for number, mutant in enumerate(chosen, 1):
            begun = time.monotonic()
            fate, why = judged(tree, mutant)
            bad += fate is not Fate.KILLED
            say(f"{number:3}/{len(chosen)} {fate:<10} {time.monotonic() - begun:5.1f} s  {mutant.name}")
            if fate is not Fate.KILLED:
                say(why)
    say(f"{len(chosen)} mutants, {bad} not as they should be")
    return min(bad, 1)


@contextmanager
def copied() -> Iterator[Path]:
    """A tree with a core of its own, beside the very tests."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder)
        for name in ("appliance", "builtin_plugins"):
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        for name in ("tests", "plugins"):
            (tree / name).symlink_to(ROOT / name)
        yield tree


def are_sound(tree: Path, mutants: Sequence[Mutant]) -> bool:
    """Whether the tests run on the copy, and pass while nothing is broken."""
    origin = subprocess.run(
        [sys.executable, "-c", "import appliance; print(appliance.__file__)"],
        cwd=tree, env=environment(tree), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    if origin != str(tree / "appliance" / "__init__.py"):
        say(f"the tests would run on {origin}, not on the copy in {tree}")
        return False
    sound = True
    for tests, group in groupby(sorted(mutants, key=lambda mutant: mutant.tests), key=lambda mutant: mutant.tests):
        whiches = [mutant.which for mutant in group]
        which = "" if "" in whiches else " or ".join(f"({one})" for one in dict.fromkeys(whiches))
        done = run(tree, tests, which, bound_s=5 * BOUND_S)
        if done is None or done.returncode:
            say(f"{tests} fails although nothing is broken\n{'' if done is None else tail(done.stdout)}")
            sound = False
    return sound


def judged(tree: Path, mutant: Mutant) -> tuple[Fate, str]:
    """What became of one mutant, and where it is not dead, why."""
    path = tree / mutant.file
    whole = path.read_text(encoding="utf-8")
    if whole.count(mutant.old) != 1:
        return Fate.NO_TEST, f"{mutant.file} has the text to be replaced {whole.count(mutant.old)} times"
    path.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        done = run(tree, mutant.tests, mutant.which, bound_s=BOUND_S)
    finally:
        path.write_text(whole, encoding="utf-8")
    if done is None:
        return Fate.NO_TEST, f"{mutant.tests} -k {mutant.which!r} was not done after {BOUND_S} s"
    if done.returncode == TESTS_FAILED:
        return Fate.KILLED, ""
    fate = Fate.NO_TEST if done.returncode else Fate.SURVIVED
    return fate, f"{mutant.tests} -k {mutant.which!r}: exit code {done.returncode}\n{tail(done.stdout)}"


def run(tree: Path, tests: str, which: str, *, bound_s: float) -> subprocess.CompletedProcess[str] | None:
    """pytest over some tests on the tree, up to the first failure; None when it took too long."""
    command = [sys.executable, "-m", "pytest", tests, "-x", "-q", "-p", "no:cacheprovider", "--rootdir", str(tree)]
    try:
        return subprocess.run(
            [*command, "-k", which], cwd=tree, env=environment(tree), capture_output=True, text=True,
            timeout=bound_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None


def environment(tree: Path) -> dict[str, str]:
    """The copy comes first; nothing is compiled to where a changed file could be taken for its old self."""
    search = os.pathsep.join([str(tree / "plugins"), str(tree)])
    return {**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tail(text: str) -> str:
    return "\n".join(text.splitlines()[-15:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
