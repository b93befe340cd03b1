"""What a wheel may hold, its own and its dependencies'."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.plugin_host.wheels.contents import RESERVED, demand_distinct, entry_points, module_of, read_wheel
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.tags import Interpreter
from tests.wheels.building import Content, metadata, wheel, zip_of

HERE = Interpreter.here()


def refused(path: Path) -> str:
    with pytest.raises(WheelRefused) as caught:
        read_wheel(path.name, path.read_bytes(), HERE)
    return str(caught.value)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"acme.pth": "import os"}, ".pth"),
        ({"acme/deep/Evil.PTH": "import os"}, ".pth"),
        ({"acme-1.0.data/purelib/acme.pth": "import os"}, ".pth"),
        ({"acme-1.0.data/scripts/acme": "#!python"}, "outside of its packages"),
        ({"acme-1.0.data/data/etc/acme": ""}, "outside of its packages"),
        ({"acme-1.0.data/headers/acme.h": ""}, "outside of its packages"),
        ({"acme-1.0.data/platlib": ""}, "outside of its packages"),
        ({"acme-1.0.data/purelib/acme/__init__.py": "X = 2"}, "under one name"),
        ({"other-1.0.dist-info/METADATA": ""}, "one .dist-info"),
        ({"acme/hidden.pyc": "x"}, "without its source"),
        ({"acme/native.so": b"\x7fELF\2\1" + bytes(12) + b"\1\1"}, "machine code that is not for"),
    ],
)
def test_a_wheel_that_does_more_than_being_imported_is_refused(
    tmp_path: Path, files: Mapping[str, Content], told: str
) -> None:
    assert told in refused(wheel(tmp_path, {"acme/__init__.py": "", **files}))


@pytest.mark.parametrize("name", sorted(RESERVED | {"json", "os"}))
@pytest.mark.parametrize("form", ["{}.py", "{}/__init__.py", "{}/part/deep.py", "acme-1.0.data/platlib/{}.py"])
def test_a_module_of_python_or_of_the_appliance_cannot_be_brought(tmp_path: Path, name: str, form: str) -> None:
    assert "would take the place of" in refused(wheel(tmp_path, {"acme/__init__.py": "", form.format(name): ""}))


def test_metadata_must_be_what_the_file_is_named(tmp_path: Path) -> None:
    made = wheel(tmp_path, {"acme/__init__.py": ""})
    assert ".dist-info folder names" in refused(made.rename(tmp_path / "acme-1.1-py3-none-any.whl"))
    made = wheel(tmp_path, {"acme/__init__.py": ""})
    assert ".dist-info folder names" in refused(made.rename(tmp_path / "other-1.0-py3-none-any.whl"))
    made = wheel(tmp_path, {"acme/__init__.py": ""})
    assert "not named like a wheel" in refused(made.rename(tmp_path / "acme.zip"))
    made = wheel(tmp_path, {"acme/__init__.py": ""})
    assert "does not run here" in refused(made.rename(tmp_path / "acme-1.0-cp35-cp35m-win32.whl"))


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("METADATA", None, "lacks a file"),
        ("WHEEL", None, "lacks a file"),
        ("WHEEL", "Wheel-Version: 2.0\n", "unknown version"),
        ("METADATA", "Name: other\nVersion: 1.0\n", "not what its metadata names"),
        ("METADATA", "Name: acme\n", "not what its metadata names"),
        ("METADATA", b"Name: acme\xff\n", "not UTF-8"),
    ],
)
def test_metadata_that_are_missing_or_wrong_are_refused(
    tmp_path: Path, path: str, content: Content | None, told: str
) -> None:
    files = metadata("acme", "1.0")
    key = f"acme-1.0.dist-info/{path}"
    if content is None:
        del files[key]
    else:
        files[key] = content
    assert told in refused(zip_of(tmp_path / "acme-1.0-py3-none-any.whl", files))


def test_a_wheel_that_installs_into_a_data_folder_of_packages_is_read_as_installed(tmp_path: Path) -> None:
    made = wheel(tmp_path, {"acme-1.0.data/purelib/acme/__init__.py": "X = 1"})
    assert read_wheel(made.name, made.read_bytes()).installed["acme/__init__.py"] == b"X = 1"


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (["one/__init__.py"], ["one/__init__.py"], "brings too"),
        (["one.py"], ["one/__init__.py"], "brings too"),
        (["one/__init__.py"], ["one/part.py"], "reaches into"),
        (["one/part.py"], ["one/__init__.py"], "brings too"),
        (["one/two/part.py"], ["one/two/part.py"], "brings too"),
        (["one/two/__init__.py"], ["one/two/part.py"], "reaches into"),
        (["one/two/part.py"], ["one/other.py", "two.py"], None),
    ],
)
def test_no_wheel_brings_a_part_of_another(
    tmp_path: Path, first: list[str], second: list[str], told: str | None
) -> None:
    made = (wheel(tmp_path, dict.fromkeys(files, ""), name=name) for files, name in ((first, "aa"), (second, "bb")))
    wheels = tuple(read_wheel(path.name, path.read_bytes()) for path in made)
    if told is None:
        demand_distinct(wheels)
        return
    with pytest.raises(WheelRefused, match=told):
        demand_distinct(wheels)


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("a.py", ("a", False)),
        ("a/__init__.py", ("a", True)),
        ("a/b/c.py", ("a.b.c", False)),
        ("a/b.abi3.so", ("a.b", False)),
        ("a/__init__.abi3.so", ("a", True)),
        ("a-b/c.py", None),
        ("a/b.txt", None),
        ("a/lib-1.so", None),
        ("__init__.py", None),
    ],
)
def test_a_path_is_the_module_that_python_would_find_there(path: str, module: tuple[str, bool] | None) -> None:
    assert module_of(path) == module


def test_entry_points_are_read_as_importlib_reads_them(tmp_path: Path) -> None:
    text = "# a comment\n[console_scripts]\nx = y:z\n\n[readytrader.plugins]\nacme = acme\n; more\n[other]\na = b\n"
    made = wheel(tmp_path, {"acme/__init__.py": ""}, entry_points=text)
    assert entry_points(read_wheel(made.name, made.read_bytes()), "readytrader.plugins") == {"acme": "acme"}


def test_an_entry_point_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    made = wheel(tmp_path, {"acme/__init__.py": ""}, entry_points="[g]\na = b\n[h]\n[g]\na = c\n")
    with pytest.raises(WheelRefused, match="twice"):
        entry_points(read_wheel(made.name, made.read_bytes()), "g")
