"""Builds the frozen program: `dist/readytrader` (one file) and `dist/readytrader-tree/` (unpacked), with checksums.

python packaging/freeze.py            build once
python packaging/freeze.py --twice    build twice from nothing and demand the same bytes

Nothing is left in `dist/` that does not pass its own self-test, or of which it is not known what it was built from.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "packaging" / "readytrader.spec"
EPOCH = "1767225600"
"""SOURCE_DATE_EPOCH where there is no commit to take it from: 2026-01-01."""
SHIPPED = (
    "appliance",
    "builtin_plugins",
    "plugins/readytrader_sdk",
    "packaging",
    "pyproject.toml",
    "plugins/pyproject.toml",
)
"""What a build is made from, besides Python and the packages that are installed."""
PROGRAMS = ("readytrader", "readytrader-tree/readytrader")


class NotBuilt(Exception):
    """There is nothing that could be handed out. The message says why."""


def source_digest(root: Path = ROOT) -> str:
    """The SHA-256 (hex) of the source that is shipped, by path and content; `dist/SOURCE` holds that of a build."""
    whole = hashlib.sha256()
    for path in sorted(path for name in SHIPPED for path in _files_of(root / name)):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{content}  {path.relative_to(root)}\n".encode())
    return whole.hexdigest()


def build(work: Path, target: Path) -> None:
    """One build from nothing. Raises `CalledProcessError` when PyInstaller fails."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / "plugins")))  # this source, and not one that is installed elsewhere
    environment = os.environ | {"SOURCE_DATE_EPOCH": _epoch(), "PYTHONHASHSEED": "0", "PYTHONPATH": path}
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level=WARN"]
    # PyInstaller keeps a cache of stripped libraries: one of its own, so that nothing comes from an earlier build.
    environment["PYINSTALLER_CONFIG_DIR"] = str(work / "cache")
    subprocess.run(
        [*command, f"--workpath={work / 'build'}", f"--distpath={target}", str(SPEC)], env=environment, check=True
    )
    tree = target / "readytrader-tree"
    (tree / "readytrader-starter").rename(tree / "readytrader")


def digests(target: Path) -> dict[str, str]:
    """The SHA-256 (hex) of every file, by path; of a link, where it leads."""
    found = {}
    for path in sorted(target.rglob("*")):
        name = str(path.relative_to(target))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def main() -> int:
    """Build, compare if asked to, try, write the checksums, tell the sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--twice", action="store_true", help="build twice and compare")
    asked = parser.parse_args()
    try:
        _freeze(ROOT / "dist", twice=asked.twice)
    except NotBuilt as fault:
        print(f"not built: {fault}", file=sys.stderr)
        return 1
    return 0


def _freeze(target: Path, *, twice: bool) -> None:
    demand_current_metadata()
    source, work = source_digest(), target / ".work"
    first = _fresh(work / "first")
    _timed("building", lambda: build(first, first / "dist"))
    if twice:
        second = _fresh(work / "second")
        _timed("building again", lambda: build(second, second / "dist"))
        _demand_same(digests(first / "dist"), digests(second / "dist"))
    _timed("trying", lambda: demand_sound(first / "dist"))
    if source_digest() != source:
        raise NotBuilt("the source changed in the meantime")
    for name in ("readytrader", "readytrader-tree"):
        _replace(first / "dist" / name, target / name)
    (target / "SOURCE").write_text(f"{source}\n")
    sums = {name: digest for name, digest in digests(target).items() if name.startswith("readytrader")}
    (target / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    shutil.rmtree(work)
    one_file = (target / "readytrader").stat().st_size
    unpacked = sum(path.stat().st_size for path in (target / "readytrader-tree").rglob("*") if path.is_file())
    print(f"dist/readytrader        {one_file / 1e6:.1f} MB, sha256 {sums['readytrader']}")
    print(f"dist/readytrader-tree/  {unpacked / 1e6:.1f} MB in {len(sums) - 1} files")


def demand_current_metadata() -> None:
    """Entry points and requirements are taken from what is installed: raise `NotBuilt` where that is an older state."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    installed = distribution("readytrader")
    points = {(point.group, point.name): point.value for point in installed.entry_points}
    expected = {
        (group, name): value
        for group, members in {"console_scripts": project["scripts"], **project["entry-points"]}.items()
        for name, value in members.items()
    }
    optional = {str(Requirement(text)) for extra in project.get("optional-dependencies", {}).values() for text in extra}
    needed = {str(Requirement(text.partition(";")[0])) for text in installed.requires or ()} - optional
    if points != expected or needed != {str(Requirement(text)) for text in project["dependencies"]}:
        raise NotBuilt("what is installed is not what pyproject.toml says: pip install --editable .")


def demand_sound(target: Path) -> None:
    """Let both programs test themselves, in an empty environment. Raises `NotBuilt` with what they said."""
    for program in PROGRAMS:
        tried = subprocess.run([target / program, "selftest"], env={}, capture_output=True, text=True, check=False)
        if tried.returncode:
            raise NotBuilt(f"{program} selftest ended with {tried.returncode}:\n{tried.stdout}{tried.stderr}")


def _epoch() -> str:
    """The time of the last commit, so that the same commit gives the same bytes."""
    found = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or EPOCH


def _files_of(path: Path) -> list[Path]:
    """A file, or those below a folder that a build takes: nothing that Python or a test left there."""
    found = [path] if path.is_file() else path.rglob("*")
    return [one for one in found if one.is_file() and "__pycache__" not in one.parts]


def _demand_same(first: dict[str, str], second: dict[str, str]) -> None:
    differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    if differing:
        lines = (f"{name}: {first.get(name)} and {second.get(name)}" for name in differing)
        raise NotBuilt("\n".join(["the second build differs:", *lines]))
    print(f"both builds are the same, bit for bit: {len(first)} files")


def _fresh(folder: Path) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _replace(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    elif target.exists():
        target.unlink()
    shutil.move(source, target)


def _timed(what: str, act: Callable[[], None]) -> None:
    print(f"{what} …", flush=True)
    started = time.monotonic()
    act()
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
