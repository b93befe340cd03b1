"""The frozen program as `hatch run freeze` left it in `dist/`: both of its forms, and whether it is of this source."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
ONE_FILE = DIST / "readytrader"
TREE = DIST / "readytrader-tree"
UNPACKED = TREE / "readytrader"


def require_build() -> None:
    """Go on only with a build, and one of this very source. No build is a skip, and in CI (`REQUIRE_ALL`) a failure."""
    if not (DIST / "SOURCE").exists():
        words = "there is no frozen program here: hatch run freeze first"
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(words)
        pytest.skip(words)
    if (DIST / "SOURCE").read_text().strip() != source_digest():
        pytest.fail("dist/ was built from another source than this one: hatch run freeze again")


def source_digest(root: Path = ROOT) -> str:
    """Of a source as it is now, in the words of the build itself."""
    digest = freeze().source_digest(root)
    assert isinstance(digest, str)
    return digest


def freeze() -> ModuleType:
    """`packaging/freeze.py`."""
    spec = importlib.util.spec_from_file_location("freeze", ROOT / "packaging" / "freeze.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
