"""Compiled extensions are loaded from sealed memory, and so are the libraries that their wheels bring."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.plugin_host import cage, specs
from appliance.plugin_host.wheels.elf import demand_runs_here, read_library
from appliance.plugin_host.wheels.memory import sealed_path
from appliance.plugin_host.wheels.refusal import WheelRefused
from tests.cage.inside import needs
from tests.wheels.building import abi3_tag, compiled, extension, placed, plugin_wheel, run_plugin, signed, wheel

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None and os.environ.get("REQUIRE_ALL") != "1", reason="there is no compiler here"
)
FOREIGN_MACHINE = b"\x7fELF\2\1" + bytes(12) + b"\xff\0" + bytes(100)


def compiled_plugin(tmp_path: Path, code: str, files: dict[str, bytes]) -> specs.Wheels:
    path = signed(tmp_path, plugin_wheel(tmp_path, code, files=files, tag=abi3_tag()))
    return placed(tmp_path / "home", path)


def library(folder: Path, name: str, body: str, *options: str) -> bytes:
    """A shared library that bears its own name."""
    return compiled(folder, name, body, f"-Wl,-soname,{name}.so.1", *options, suffix=".so.1")


def linked_extension(folder: Path, needed: str) -> bytes:
    """An extension whose answer comes from a library."""
    return extension(folder, "_fast", "deep_answer()", "int deep_answer(void);", f"-L{folder}", f"-l:{needed}.so.1")


def test_an_extension_is_loaded_from_memory(tmp_path: Path) -> None:
    files = {
        "acme/_fast.abi3.so": extension(tmp_path / "c", "_fast"),
        "acme/_two.abi3.so": extension(tmp_path / "c", "_two", "7"),
    }
    package = compiled_plugin(tmp_path, "from acme import _fast, _two\n", files)
    snippet = """
print(plugin._fast.answer(), plugin._two.answer(), plugin._fast.__file__.startswith("/dev/null/"))
maps = open("/proc/self/maps").read()
print(package.folder in maps, maps.count("memfd:_fast") > 0)
"""
    assert run_plugin(package, snippet) == "42 7 True\nFalse True\n"


def test_an_extension_of_a_dependency_is_loaded_from_memory(tmp_path: Path) -> None:
    files = {
        "fastdep/__init__.py": "from fastdep._fast import answer\n",
        "fastdep/_fast.abi3.so": extension(tmp_path, "_fast"),
    }
    dependency = wheel(tmp_path, files, name="fastdep", tag=abi3_tag())
    path = signed(tmp_path, plugin_wheel(tmp_path, "from fastdep import answer\nANSWER = answer()\n"), [dependency])
    package = placed(tmp_path / "home", path, [dependency])
    assert run_plugin(package, "print(plugin.ANSWER)") == "42\n"


def test_an_extension_is_imported_in_the_cage_and_no_file_is_read(tmp_path: Path) -> None:
    needs(cage.Measure.SECCOMP)
    needs(cage.Measure.LANDLOCK_FILES)
    folder = tmp_path / "c"
    files = {
        "acme.libs/libdeep.so.1": library(folder, "libdeep", "int deep_answer(void) { return 42; }"),
        "acme/_fast.abi3.so": linked_extension(folder, "libdeep"),
    }
    package = compiled_plugin(tmp_path, "from acme import _fast\n", files)
    (tmp_path / "state").mkdir()
    before = f"""
from appliance.plugin_host import cage
state = {str(tmp_path / "state")!r}
cage.enter(cage.Profile.WORKER, read_paths=cage.runtime_paths(), write_paths=[state], required=["seccomp"])
"""
    assert run_plugin(package, "print(plugin._fast.answer())", before) == "42\n"


def test_libraries_that_a_wheel_brings_are_loaded_before_what_needs_them(tmp_path: Path) -> None:
    """As auditwheel lays them out: in a folder beside the package, found on disk by a path from the extension."""
    folder = tmp_path / "c"
    deepest = library(folder, "libdeepest", "int deepest(void) { return 40; }")
    deep = library(
        folder,
        "libdeep",
        "int deepest(void); int deep_answer(void) { return deepest() + 2; }",
        f"-L{folder}",
        "-l:libdeepest.so.1",
    )
    files = {
        "acme.libs/libdeepest.so.1": deepest,
        "acme.libs/libdeep.so.1": deep,
        "acme/_fast.abi3.so": linked_extension(folder, "libdeep"),
    }
    package = compiled_plugin(tmp_path, "from acme import _fast\n", files)
    assert run_plugin(package, "print(plugin._fast.answer())") == "42\n"


def test_a_library_that_could_not_be_found_in_memory_is_refused_when_signing(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    nameless = compiled(folder, "libdeep", "int deep_answer(void) { return 42; }", suffix=".so.1")
    # The linker then writes the path that it was given; only a bare name is looked for beside the extension.
    fast = linked_extension(folder, "libdeep")
    assert "libdeep.so.1" in read_library("acme", "_fast", fast).needed
    files = {"acme.libs/libdeep.so.1": nameless, "acme/_fast.abi3.so": fast}
    with pytest.raises(WheelRefused, match=r"no name of its own, got libdeep\.so\.1"):
        compiled_plugin(tmp_path, "from acme import _fast\n", files)


def test_two_libraries_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    one = library(folder, "libdeep", "int deep_answer(void) { return 41; }")
    fast = linked_extension(folder, "libdeep")
    two = library(folder, "libdeep", "int deep_answer(void) { return 42; }")
    files = {"acme.libs/libdeep.so.1": one, "acme/libdeep.so.1": two, "acme/_fast.abi3.so": fast}
    with pytest.raises(WheelRefused, match="under the name of another"):
        compiled_plugin(tmp_path, "from acme import _fast\n", files)


def test_machine_code_of_another_machine_is_signed_and_not_installed(tmp_path: Path) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path, files={"acme/_fast.so": FOREIGN_MACHINE}))
    with pytest.raises(WheelRefused, match="machine code that is not for"):
        placed(tmp_path / "home", path)


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="the machines that there are names for")
def test_machine_code_of_this_machine_is_let_through() -> None:
    content = Path(os.path.realpath("/proc/self/exe")).read_bytes()
    demand_runs_here("acme", "python", content, os.uname().machine)
    assert any(
        name.startswith("libc.so") or "python" in name for name in read_library("acme", "python", content).needed
    )


def test_sealed_memory_can_be_changed_by_nobody(tmp_path: Path) -> None:
    path = sealed_path("test", b"content")
    with open(path, "rb") as file:
        assert file.read() == b"content"
    descriptor = int(path.rpartition("/")[2])
    try:
        for attempt in (
            lambda: os.write(descriptor, b"x"),
            lambda: os.truncate(path, 1),
            lambda: os.truncate(path, 100),
            lambda: os.pwrite(os.open(path, os.O_RDWR | os.O_CLOEXEC), b"x", 0),
        ):
            with pytest.raises(PermissionError):
                attempt()
    finally:
        os.close(descriptor)


@given(st.binary(max_size=200), st.integers(0, 300), st.binary(max_size=8))
def test_hostile_machine_code_is_refused_or_read_and_never_breaks(tail: bytes, at: int, patch: bytes) -> None:
    content = bytearray(FOREIGN_MACHINE + tail)
    content[at : at + len(patch)] = patch
    try:
        read_library("acme", "x.so", bytes(content))
    except WheelRefused:
        return
