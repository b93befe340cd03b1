"""Modules are imported from verified bytes, with all that Python's import system offers a package on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.plugin_host import cage, specs
from tests.cage.inside import needs
from tests.wheels.building import in_child, placed, plugin_wheel, run_plugin, signed, wheel


def plugin(
    tmp_path: Path,
    code: str = "ANSWER = 42\n",
    files: Mapping[str, str | bytes] | None = None,
    dependencies: tuple[Path, ...] = (),
) -> specs.Wheels:
    """A plugin `acme` in its place, with more files in its package."""
    named = {f"acme/{name}": content for name, content in (files or {}).items()}
    path = signed(tmp_path, plugin_wheel(tmp_path, code, files=named), dependencies)
    return placed(tmp_path / "home", path, dependencies)


def test_packages_submodules_and_relative_imports_work(tmp_path: Path) -> None:
    package = plugin(
        tmp_path,
        "from . import part\nfrom .inner.deep import Y\nANSWER = part.X + Y\n",
        {
            "part.py": "X = 1\n",
            "inner/__init__.py": "",
            "inner/deep.py": "from ..part import X\nY = X + 40\n",
            "wrong.py.txt": "raise SystemExit\n",
        },
    )
    shown = run_plugin(package, "import acme.inner.deep as d\nprint(plugin.ANSWER, d.__name__, d.__package__)")
    assert shown == "42 acme.inner.deep acme.inner\n"


def test_a_module_that_is_not_there_is_the_usual_error(tmp_path: Path) -> None:
    package = plugin(
        tmp_path, "try:\n    import acme.missing\nexcept ModuleNotFoundError as fault:\n    TOLD = fault.name\n"
    )
    assert run_plugin(package, "print(plugin.TOLD)") == "acme.missing\n"


def test_a_dependency_and_its_version_are_found(tmp_path: Path) -> None:
    dependency = wheel(tmp_path, {"tiny_dep.py": "X = 42\n"}, name="tiny-dep", version="2.5")
    code = (
        "import tiny_dep\nfrom importlib.metadata import distribution, entry_points, version, PackageNotFoundError\n"
        "TOLD = [tiny_dep.X, version('Tiny_Dep'), version('acme'), distribution('acme').read_text('nothing')]\n"
        "(POINT,) = entry_points(group='readytrader.plugins', name='acme')\n"
        "TOLD += [POINT.load().__name__, len(distribution('tiny-dep').files) > 2, version('msgspec') > '0']\n"
    )
    package = plugin(tmp_path, code, dependencies=(dependency,))
    assert run_plugin(package, "print(plugin.TOLD)") == "[42, '2.5', '1.0', None, 'acme', True, True]\n"


def test_resources_are_read_without_files(tmp_path: Path) -> None:
    snippet = """
import importlib.resources as r, pkgutil
root = r.files("acme")
print(sorted(one.name for one in root.iterdir()))
data = root / "data" / "a.txt"
print(data.is_file(), data.is_dir(), (root / "data").is_dir(), data.read_text(), data.read_bytes())
print(r.files("acme").joinpath("data/a.txt").open("rb").read(), pkgutil.get_data("acme", "data/a.txt"))
with r.as_file(data) as copy:
    print(copy.read_text())
for attempt in (lambda: data.open("w"), lambda: root.joinpath("../x"), lambda: (root / "none").read_text()):
    try:
        attempt()
    except (ValueError, FileNotFoundError) as fault:
        print(type(fault).__name__)
try:
    pkgutil.get_data("acme", "../../../../../etc/passwd")
except OSError as fault:
    print("refused", fault.errno)
"""
    package = plugin(tmp_path, files={"data/a.txt": "hello"})
    assert run_plugin(package, snippet).splitlines() == [
        "['__init__.py', 'data', 'readytrader.toml']",
        "True False True hello b'hello'",
        "b'hello' b'hello'",
        "hello",
        "ValueError",
        "ValueError",
        "FileNotFoundError",
        "refused 2",
    ]


def test_tracebacks_show_the_source(tmp_path: Path) -> None:
    package = plugin(tmp_path, "def fail():\n    raise KeyError('gone')  # this very line\n")
    snippet = """
import inspect, traceback
try:
    plugin.fail()
except KeyError:
    print(traceback.format_exc())
print(inspect.getsource(plugin.fail))
"""
    assert run_plugin(package, snippet).count("raise KeyError('gone')  # this very line") == 2


def test_a_namespace_package_may_be_shared_by_several_wheels(tmp_path: Path) -> None:
    one = wheel(tmp_path, {"shared/one.py": "X = 40\n", "shared/text.txt": "t"}, name="shared-one")
    two = wheel(tmp_path, {"shared/deep/two.py": "Y = 2\n"}, name="shared-two")
    code = "from shared import one\nfrom shared.deep.two import Y\nANSWER = one.X + Y\n"
    package = plugin(tmp_path, code, dependencies=(one, two))
    snippet = (
        "import importlib.resources as r, shared\n"
        "print(plugin.ANSWER, r.files('shared').joinpath('text.txt').read_text(), len(shared.__path__))\n"
        "print(sorted(one.name for one in r.files(shared).iterdir()))"
    )
    assert run_plugin(package, snippet) == "42 t 2\n['deep', 'one.py', 'text.txt']\n"


def test_nothing_is_written_and_no_path_of_a_module_leads_to_the_disk(tmp_path: Path) -> None:
    package = plugin(tmp_path, files={"part.py": "X = 1\n"})
    snippet = """
import os, acme.part
for path in (plugin.__file__, *plugin.__path__, acme.part.__cached__):
    try:
        os.stat(path)
    except NotADirectoryError:
        print("nowhere")
print(plugin.__spec__.origin == plugin.__file__)
"""
    before = sorted(path for path in tmp_path.rglob("*"))
    assert run_plugin(package, snippet, "sys.dont_write_bytecode = False") == "nowhere\n" * 3 + "True\n"
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_a_submodule_is_never_taken_from_the_wheel_on_disk(tmp_path: Path) -> None:
    """Python can import from a zip by its path: were that the package's path, a swapped file would be imported."""
    package = plugin(tmp_path, files={"part.py": "X = 'good'\n"})
    evil = plugin_wheel(tmp_path / "evil", files={"acme/part.py": "X = 'evil'\n", "acme/new.py": ""})
    before = f"""
from pathlib import Path
Path(package.folder, package.wheel).write_bytes(Path({str(evil)!r}).read_bytes())
"""
    snippet = """
import acme.part
print(acme.part.X, type(acme.part.__loader__).__name__)
try:
    import acme.new
except ModuleNotFoundError:
    print("not there")
"""
    assert run_plugin(package, snippet, before) == "good SourceLoader\nnot there\n"


def test_a_plugin_stands_behind_everything_that_is_there(tmp_path: Path) -> None:
    """A dependency that the appliance has too is the appliance's, and is told; a submodule for a package of ours is not
    found; a plugin whose own name is taken is refused."""
    dependency = wheel(tmp_path, {"hypothesis/evil.py": "X = 1\n", "packaging/__init__.py": "X = 1\n"}, name="bad")
    code = "import packaging\nTAKEN = hasattr(packaging, 'X')\n"
    package = plugin(tmp_path, code, dependencies=(dependency,))
    snippet = """
print(plugin.TAKEN, sys.meta_path[-1] is importer)
try:
    import hypothesis.evil
except ModuleNotFoundError:
    print("not there")
"""
    before = "print(sorted(verified.taken_names()))"
    assert run_plugin(package, snippet, before) == "['hypothesis', 'packaging']\nFalse True\nnot there\n"


def test_a_plugin_whose_own_name_is_taken_is_refused(tmp_path: Path) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path, name="hypothesis"))
    package = placed(tmp_path / "home", path, name="hypothesis")
    assert "has a module hypothesis, and another is there already" in in_child(package, "verified.install()").stderr


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_source_in_another_encoding_is_read_as_it_says(tmp_path: Path, encoding: str) -> None:
    code = f"# -*- coding: {encoding} -*-\nANSWER = 'ä'\n".encode(encoding)
    package = plugin(tmp_path, files={"coded.py": code})
    assert run_plugin(package, "import acme.coded; print(ascii(acme.coded.ANSWER))") == "'\\xe4'\n"


def test_rare_modules_of_python_are_there(tmp_path: Path) -> None:
    package = plugin(tmp_path, "import sched, wave, xml.dom.minidom, sqlite3, plistlib\nANSWER = sched.__name__\n")
    assert run_plugin(package, "print(plugin.ANSWER)") == "sched\n"


def test_a_caged_process_imports_what_it_verified_before(tmp_path: Path) -> None:
    needs(cage.Measure.SECCOMP)
    needs(cage.Measure.LANDLOCK_FILES)
    code = "import importlib.resources as r\nfrom importlib.metadata import version\n"
    code += "ANSWER = [r.files('acme').joinpath('a.txt').read_text(), version('acme')]\n"
    package = plugin(tmp_path, code, {"a.txt": "hello"})
    state = tmp_path / "state"
    state.mkdir()
    before = f"""
from appliance.plugin_host import cage
cage.enter(cage.Profile.WORKER, read_paths=cage.runtime_paths(), write_paths=[{str(state)!r}], required=["seccomp"])
try:
    open(package.folder + "/" + package.wheel, "rb")
except PermissionError:
    print("caged")
"""
    assert run_plugin(package, "print(plugin.ANSWER)", before) == "caged\n['hello', '1.0']\n"
