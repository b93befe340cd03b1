"""`scaffold.create` makes a package that passes the kit, lints and types as it is; and makes nothing it should not."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from readytrader_sdk.kinds import Kind
from readytrader_sdk.scaffold import ScaffoldRefused, create

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "plugins/readytrader_sdk/template"


def python(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )


@pytest.mark.parametrize("kind", Kind)
def test_what_is_made_passes_its_own_tests(kind: Kind, tmp_path: Path) -> None:
    folder = create(kind, "north-star2", tmp_path)
    assert folder == tmp_path / "north-star2"
    ran = python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("kind", Kind)
def test_what_is_made_bears_its_own_name_everywhere(kind: Kind, tmp_path: Path) -> None:
    folder = create(kind, "north-star2", tmp_path)
    texts = {path.relative_to(folder): path.read_text() for path in folder.rglob("*") if path.is_file()}
    wrong = [str(path) for path, text in texts.items() if "acme_plugin" in f"{path}{text}" or "Acme" in text]
    assert not wrong
    assert 'north-star2 = "north_star2"' in texts[Path("pyproject.toml")]
    assert "class NorthStar2" in texts[Path("src/north_star2/__init__.py")]
    assert f'kinds = ["{kind}"]' in texts[Path("src/north_star2/readytrader.toml")]


def test_what_is_made_lints_and_types(tmp_path: Path) -> None:
    made = [create(kind, f"star-{number}", tmp_path) for number, kind in enumerate(Kind)]
    sources = [str(folder / "src") for folder in made]
    for folder in made:
        checked = python("-m", "ruff", "check", "--no-cache", ".", cwd=folder)
        assert checked.returncode == 0, checked.stdout
    packages = [name for number in range(len(made)) for name in ("-p", f"star_{number}")]
    path = os.pathsep.join([*sources, str(ROOT / "plugins")])
    typed = python("-m", "mypy", "--strict", "--cache-dir", ".mypy", *packages, cwd=tmp_path, MYPYPATH=path)
    assert typed.returncode == 0, typed.stdout


@pytest.mark.parametrize(
    "name",
    [
        "", "Acme", "9lives", "-acme", "acme-", "a--b", "a b", "../acme", "a/b", "acme.exchange", "äcme", "acme\n",
        "json", "class", "readytrader-sdk", "appliance", "a" * 41,
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_is_refused_and_nothing_is_made(name: str, tmp_path: Path) -> None:
    with pytest.raises(ScaffoldRefused, match="name"):
        create(Kind.EXCHANGE, name, tmp_path / "inside")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    with pytest.raises(ScaffoldRefused, match="is there already"):
        create("exchange", "acme", tmp_path)
    assert list((tmp_path / "acme").iterdir()) == []


def test_a_kind_may_be_written_with_a_hyphen_and_must_be_one_of_the_five(tmp_path: Path) -> None:
    create("data-source", "acme", tmp_path)
    with pytest.raises(ScaffoldRefused, match="expected one of data_source, exchange, router, signer, notifier"):
        create("oracle", "acme2", tmp_path)


def test_a_wheel_of_the_sdk_holds_the_whole_template(tmp_path: Path) -> None:
    build = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    built = python(*build, "-w", str(tmp_path), str(ROOT / "plugins"), cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if "/template/" in name}
    files = {path for path in TEMPLATE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {str(path.relative_to(ROOT / "plugins")) for path in files}
    assert len(packed) == 27
