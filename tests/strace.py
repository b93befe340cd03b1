"""Where strace is, for the tests that kill a process at its system calls."""

from __future__ import annotations

import os
import shutil

import pytest


def strace() -> str:
    """The program's path. Without it the test is skipped, out loud; in CI (`REQUIRE_ALL`) that is a failure."""
    found = shutil.which("strace")
    if found is not None:
        return found
    if os.environ.get("REQUIRE_ALL"):
        pytest.fail("strace is missing: the crash tests prove nothing without it")
    pytest.skip("strace is not installed (apt-get install strace): this crash test did not run")
