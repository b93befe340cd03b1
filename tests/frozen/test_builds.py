"""These tests run against a build of this very source, or say why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.frozen import builds


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `dist/` without a build."""
    monkeypatch.setattr(builds, "DIST", tmp_path)
    monkeypatch.delenv("REQUIRE_ALL", raising=False)
    return tmp_path


def test_without_a_build_they_are_skipped_with_the_words_what_to_do(elsewhere: Path) -> None:
    with pytest.raises(pytest.skip.Exception, match="hatch run freeze first"):
        builds.require_build()


def test_where_everything_is_required_no_build_is_a_failure(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="hatch run freeze first"):
        builds.require_build()


def test_a_build_of_another_source_is_a_failure(elsewhere: Path) -> None:
    (elsewhere / "SOURCE").write_text("0" * 64 + "\n")
    with pytest.raises(pytest.fail.Exception, match="hatch run freeze again"):
        builds.require_build()


def test_the_digest_is_of_every_shipped_file_and_of_nothing_that_python_leaves_there(tmp_path: Path) -> None:
    for name in builds.freeze().SHIPPED:
        source, target = builds.ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    digest = builds.source_digest(tmp_path)
    assert digest == builds.source_digest()
    cache = tmp_path / "appliance" / "__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"x")
    assert builds.source_digest(tmp_path) == digest
    for name in ("appliance/cli/main.py", "builtin_plugins/sample_source/readytrader.toml", "packaging/start.py"):
        before = builds.source_digest(tmp_path)
        with (tmp_path / name).open("a") as file:
            file.write("\n")
        assert builds.source_digest(tmp_path) != before, name
