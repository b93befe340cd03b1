"""Breaks one promise at a time in a copy of the appliance, and fails when the tests that keep it do not notice.

    python -m tests.mutants [WORD ...]     only mutants whose name has one of the words

Each mutant is a text patch; its tests are few and quick, and two mutants are tried side by side. What fails for another
reason (a patch that fits no more, a copy that cannot be imported, tests that are not there or take too long) fails the
run as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from compileall import compile_dir
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path
from py_compile import PycInvalidationMode
from queue import SimpleQueue
from typing import NamedTuple

from tests.mutants.catalog import MUTANTS
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
BOUND_S = 180
"""For the tests of one mutant. They take a few seconds, and ten times as long where others need the cores as well."""
LEFT_OUT = ("cacheprovider", "schemathesis", "playwright")
"""Plugins of pytest that no mutant's tests need, and that take longer to import than those tests to run."""
TESTS_FAILED = 1
"""pytest's exit code; every other but 0 says that the tests did not run as meant."""


AT_ONCE = 2
"""Mutants that are tried side by side, each in a tree of its own."""


class Fate(StrEnum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    NO_TEST = "NOT TESTED"


class Verdict(NamedTuple):
    """What became of one mutant, and where it is not dead, why."""

    fate: Fate
    took_s: float
    why: str = ""


class Group(NamedTuple):
    """Tests that some mutants name, and which of them."""

    tests: str
    which: str


def main(words: Sequence[str]) -> int:
    """The exit code: 0 when every mutant is killed."""
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    begun, bad = time.monotonic(), 0
    with ExitStack() as stack, ThreadPoolExecutor(AT_ONCE) as workers:
        trees = SimpleQueue[Path]()
        for _ in range(AT_ONCE):
            trees.put(stack.enter_context(copied()))
        with borrowed(trees) as tree:
            if not is_the_copys_own(tree):
                return 1
        if not all([*workers.map(partial(is_sound, trees), grouped(chosen))]):
            return 1
        verdicts = zip(chosen, workers.map(partial(judged, trees), chosen), strict=True)
        for number, (mutant, verdict) in enumerate(verdicts, 1):
            bad += verdict.fate is not Fate.KILLED
            say(f"{number:3}/{len(chosen)} {verdict.fate:<10} {verdict.took_s:5.1f} s  {mutant.name}{verdict.why}")
    say(f"{len(chosen)} mutants, {bad} not as they should be, {(time.monotonic() - begun) / 60:.1f} minutes")
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
        # Known by the hash of its source, a compiled file is never taken for the one of a changed source.
        compile_dir(tree / "appliance", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        yield tree


@contextmanager
def borrowed(trees: SimpleQueue[Path]) -> Iterator[Path]:
    """A tree that nobody else uses meanwhile."""
    tree = trees.get()
    try:
        yield tree
    finally:
        trees.put(tree)


def is_the_copys_own(tree: Path) -> bool:
    """Whether the tests would run on the copy."""
    origin = subprocess.run(
        [sys.executable, "-c", "import appliance; print(appliance.__file__)"],
        cwd=tree, env=environment(tree), capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    if origin != str(tree / "appliance" / "__init__.py"):
        say(f"the tests would run on {origin}, not on the copy in {tree}")
        return False
    return True


def grouped(mutants: Sequence[Mutant]) -> Iterator[Group]:
    """All tests that the mutants name, each file once."""
    for tests, group in groupby(sorted(mutants, key=lambda mutant: mutant.tests), key=lambda mutant: mutant.tests):
        whiches = [mutant.which for mutant in group]
        yield Group(tests, "" if "" in whiches else " or ".join(f"({one})" for one in dict.fromkeys(whiches)))


def is_sound(trees: SimpleQueue[Path], group: Group) -> bool:
    """Whether the tests pass while nothing is broken."""
    with borrowed(trees) as tree:
        done = run(tree, group.tests, group.which, bound_s=5 * BOUND_S)
    if done is None or done.returncode:
        say(f"{group.tests} fails although nothing is broken\n{'' if done is None else tail(done.stdout)}")
        return False
    return True


def judged(trees: SimpleQueue[Path], mutant: Mutant) -> Verdict:
    """Break one promise, and look whether its tests notice."""
    begun = time.monotonic()
    with borrowed(trees) as tree:
        path = tree / mutant.file
        whole = path.read_text(encoding="utf-8")
        if whole.count(mutant.old) != 1:
            why = f"\n{mutant.file} has the text to be replaced {whole.count(mutant.old)} times"
            return Verdict(Fate.NO_TEST, time.monotonic() - begun, why)
        path.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            done = run(tree, mutant.tests, mutant.which, bound_s=BOUND_S)
        finally:
            path.write_text(whole, encoding="utf-8")
    took_s, what = time.monotonic() - begun, f"\n{mutant.tests} -k {mutant.which!r}"
    if done is None:
        return Verdict(Fate.NO_TEST, took_s, f"{what} was not done after {BOUND_S} s")
    if done.returncode == TESTS_FAILED:
        return Verdict(Fate.KILLED, took_s)
    fate = Fate.NO_TEST if done.returncode else Fate.SURVIVED
    return Verdict(fate, took_s, f"{what}: exit code {done.returncode}\n{tail(done.stdout)}")


def run(tree: Path, tests: str, which: str, *, bound_s: float) -> subprocess.CompletedProcess[str] | None:
    """pytest over some tests on the tree, up to the first failure; None when it took too long."""
    left_out = [word for plugin in LEFT_OUT for word in ("-p", f"no:{plugin}")]
    command = [sys.executable, "-m", "pytest", tests, "-x", "-q", *left_out, "--rootdir", str(tree)]
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
