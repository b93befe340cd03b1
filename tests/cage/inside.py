"""Run one attempt in a process of its own that has entered the cage, and say how it ended.

As a program, this file is that process: it reads what to do as JSON from its first argument.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from importlib import import_module
from pathlib import Path

import pytest
from msgspec import Struct

from appliance.plugin_host import cage
from appliance.plugin_host.cage import entering

ROOT = Path(__file__).parents[2]
ALL = frozenset(cage.Measure)


class Ended(Struct, frozen=True, kw_only=True):
    """How an attempt ended: with a value, refused, or with the process gone."""

    value: object = None
    refused: str = ""
    """The errno's name."""
    died: int = 0
    """Minus the signal that ended the process."""

    @property
    def worked(self) -> bool:
        return not self.refused and not self.died


def needs(measure: cage.Measure) -> None:
    """Go on only where the kernel has this measure; in CI (`REQUIRE_ALL`) its lack is a failure."""
    state = cage.available().measures[measure]
    if state == "on":
        return
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail(f"{measure}: {state}")
    pytest.skip(f"{measure}: {state}: this promise was not tested")


def attempt(
    name: str,
    *arguments: object,
    state: Path,
    measures: Collection[cage.Measure] = ALL,
    profile: cage.Profile = cage.Profile.WORKER,
    pass_fds: Sequence[int] = (),
    module: str = "attempts",
) -> Ended:
    """Try something behind these measures (no measure: no cage), with `state` as the folder that may be written."""
    task = {
        "attempt": name, "module": f"tests.cage.{module}", "arguments": arguments, "state": str(state),
        "measures": sorted(measures), "profile": profile,
    }  # fmt: skip
    path = os.pathsep.join((str(ROOT / "plugins"), str(ROOT), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-m", "tests.cage.inside", json.dumps(task)],
        cwd=ROOT,
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(state), "LANG": "C.UTF-8"},
        pass_fds=pass_fds,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode < 0:
        return Ended(died=done.returncode)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return Ended(value=answer.get("value"), refused=answer.get("refused", ""))


def main() -> None:
    task = json.loads(sys.argv[1])
    tried = getattr(import_module(task["module"]), task["attempt"])
    read_paths = cage.runtime_paths()
    if cage.Profile(task["profile"]) is cage.Profile.BROKER:
        read_paths += cage.resolver_paths()
    measures = [cage.Measure(name) for name in task["measures"]]
    if len(measures) == len(cage.Measure):
        cage.enter(cage.Profile(task["profile"]), read_paths=read_paths, write_paths=[task["state"]], required=[])
    elif measures:
        have = [measure for measure in measures if cage.available().measures[measure] == "on"]
        entering.apply(have, cage.Profile(task["profile"]), read_paths=read_paths, write_paths=[task["state"]])
    try:
        answer = {"value": tried(*task["arguments"])}
    except OSError as error:
        answer = {"refused": errno.errorcode.get(error.errno or 0, str(error))}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # what an attempt left open is no matter


if __name__ == "__main__":
    main()
