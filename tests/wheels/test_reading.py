"""A plugin's files are read once, from a place that only its owner could have written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from appliance.plugin_host import specs
from appliance.plugin_host.wheels import reading
from appliance.plugin_host.wheels.keys import keygen
from appliance.plugin_host.wheels.manifest import sha256
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.verified import open_verified, verify_set
from tests.wheels.building import in_child, placed, plugin_wheel, resigned, run_plugin, signed, wheel

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def plugin(tmp_path: Path) -> specs.Wheels:
    """A plugin with a dependency, in its place."""
    dependency = wheel(tmp_path, {"tinydep.py": "X = 1\n"}, name="tinydep")
    code = "import tinydep\nANSWER = 41 + tinydep.X\n"
    return placed(tmp_path / "home", signed(tmp_path, plugin_wheel(tmp_path, code), [dependency]), [dependency])


def refused(package: specs.Wheels) -> str:
    with pytest.raises(WheelRefused) as caught:
        open_verified(package)
    return str(caught.value)


def own(package: specs.Wheels) -> Path:
    return Path(package.folder, package.wheel)


def make_link(package: specs.Wheels) -> None:
    own(package).rename(Path(package.folder).parent / "elsewhere.whl")
    own(package).symlink_to(Path(package.folder).parent / "elsewhere.whl")


def make_pipe(package: specs.Wheels) -> None:
    own(package).unlink()
    os.mkfifo(own(package))


def make_folder_a_link(package: specs.Wheels) -> None:
    folder = Path(package.folder)
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


def add_a_pth(package: specs.Wheels) -> None:
    Path(package.folder, "evil.pth").write_text("import os")


def swap_the_dependency(package: specs.Wheels) -> None:
    Path(package.folder, "tinydep-1.0-py3-none-any.whl").write_bytes(b"other")


def truncate(package: specs.Wheels) -> None:
    own(package).write_bytes(own(package).read_bytes()[:-1])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (make_link, "is a link"),
        (make_pipe, "is no regular file"),
        (make_folder_a_link, "is a link"),
        (add_a_pth, "none of the plugin's, got evil.pth"),
        (swap_the_dependency, "not the file that was installed"),
        (truncate, "not the file that was installed"),
        (lambda package: own(package).unlink(), "cannot be read"),
        (lambda package: own(package).chmod(0o620), "can be written by others, got mode 620"),
        (lambda package: own(package).chmod(0o602), "can be written by others"),
        (lambda package: Path(package.folder).chmod(0o770), "can be written by others"),
        (lambda package: Path(package.folder).chmod(0o1777), "can be written by others"),
        (lambda package: Path(package.folder).parent.chmod(0o707), "can be written by others"),
        (lambda package: Path(package.folder).parents[1].chmod(0o770), "can be written by others"),
    ],
)
def test_a_file_or_folder_that_others_could_have_changed_is_refused(
    tmp_path: Path, change: Callable[[specs.Wheels], None], told: str
) -> None:
    package = plugin(tmp_path)
    open_verified(package)
    change(package)
    assert told in refused(package)


@ROOT_ONLY
@pytest.mark.parametrize("which", ["file", "folder", "parent"])
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, which: str) -> None:
    package = plugin(tmp_path)
    paths = {"file": own(package), "folder": Path(package.folder), "parent": Path(package.folder).parent}
    os.chown(paths[which], 65534, 65534)
    assert "belongs to neither root nor us" in refused(package)


def test_a_folder_above_may_be_sticky_or_a_link_of_ours(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    Path(package.folder).parents[1].chmod(0o1777)
    (tmp_path / "link").symlink_to(Path(package.folder).parent)
    open_verified(msgspec.structs.replace(package, folder=str(tmp_path / "link" / "acme")))


@ROOT_ONLY
def test_a_link_of_somebody_else_among_the_folders_above_is_refused(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    (tmp_path / "link").symlink_to(Path(package.folder).parent)
    os.lchown(tmp_path / "link", 65534, 65534)
    assert "belongs to neither" in refused(msgspec.structs.replace(package, folder=str(tmp_path / "link" / "acme")))


@pytest.mark.parametrize("name", ["../acme-1.0-py3-none-any.whl", "acme", ".acme.whl"])
def test_a_name_that_is_none_of_a_wheel_is_refused(tmp_path: Path, name: str) -> None:
    package = plugin(tmp_path)
    assert refused(msgspec.structs.replace(package, wheel=name, sha256={name: "0" * 64, **package.sha256}))


def test_a_folder_must_be_named_absolutely(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    assert "absolute" in refused(msgspec.structs.replace(package, folder="acme"))
    assert "absolute" in refused(msgspec.structs.replace(package, folder=package.folder + "/../acme"))


def test_another_publisher_is_refused(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    other = keygen(tmp_path / "other.key")
    assert "not signed by its publisher" in refused(msgspec.structs.replace(package, publisher=other))
    assert "not signed by its publisher" in refused(msgspec.structs.replace(package, publisher="nonsense"))


def test_every_wheel_must_be_pinned_signed_for_and_there(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    dependency = Path(package.folder, "tinydep-1.0-py3-none-any.whl")
    pins = dict(package.sha256)
    without_own = {dependency.name: pins[dependency.name]}
    assert "has no SHA-256" in refused(msgspec.structs.replace(package, sha256=without_own))
    without = {package.wheel: pins[package.wheel]}
    assert "none of the plugin's" in refused(msgspec.structs.replace(package, sha256=without))
    content = dependency.read_bytes()
    dependency.unlink()
    assert "needs a wheel that is not there" in refused(msgspec.structs.replace(package, sha256=without))
    extra = dependency.with_name("extra-1.0-py3-none-any.whl")
    extra.write_bytes(content)
    dependency.write_bytes(content)
    with_extra = {**pins, extra.name: pins[dependency.name]}
    assert "no use for this wheel" in refused(msgspec.structs.replace(package, sha256=with_extra))


def test_a_dependency_that_the_operator_pinned_and_the_publisher_did_not_sign_is_refused(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    dependency = Path(package.folder, "tinydep-1.0-py3-none-any.whl")
    other = wheel(tmp_path / "other", {"tinydep.py": "X = 2\n"}, name="tinydep")
    dependency.write_bytes(other.read_bytes())
    pins = {**package.sha256, dependency.name: sha256(other.read_bytes())}
    assert "was signed with" in refused(msgspec.structs.replace(package, sha256=pins))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = plugin(tmp_path)
    monkeypatch.setattr(reading, "WHEEL_BYTES_MAX", 100)
    assert "larger than 100 bytes" in refused(package)


def test_what_was_verified_is_imported_whatever_becomes_of_the_files(tmp_path: Path) -> None:
    package = plugin(tmp_path)
    evil = plugin_wheel(tmp_path / "evil", "ANSWER = 'evil'\n")
    before = f"""
from pathlib import Path
for path in Path(package.folder).iterdir():
    path.write_bytes(Path({str(evil)!r}).read_bytes())
"""
    assert run_plugin(package, "print(plugin.ANSWER)", before) == "42\n"


def test_a_file_that_is_replaced_while_it_is_read_is_the_old_one_or_refused(tmp_path: Path) -> None:
    """Another file is renamed over it again and again: each reading gives all of one file."""
    package = plugin(tmp_path)
    path, good = own(package), own(package).read_bytes()
    stop = threading.Event()

    def replace_again_and_again() -> None:
        staged = tmp_path / "staged.whl"
        while not stop.is_set():
            for content in (b"x" * len(good), good):
                staged.write_bytes(content)
                staged.chmod(0o600)
                staged.replace(path)

    thread = threading.Thread(target=replace_again_and_again)
    thread.start()
    try:
        outcomes = set()
        for _ in range(200):
            try:
                outcomes.add(open_verified(package).wheels[0].files["acme/__init__.py"])
            except WheelRefused as fault:
                outcomes.add(fault.what.partition(" (")[0].encode())
    finally:
        stop.set()
        thread.join()
    assert outcomes <= {b"import tinydep\nANSWER = 41 + tinydep.X\n", b"is not the file that was installed"}


def test_the_file_that_is_judged_is_the_file_that_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at its owner and mode and the reading, the name leads to another file: the first one is read."""
    package = plugin(tmp_path)
    judge = reading._demand_ours

    def judge_then_swap(shown: str, found: os.stat_result, **options: bool) -> None:
        judge(shown, found, **options)
        if shown == str(own(package)):
            own(package).rename(tmp_path / "old.whl")
            own(package).write_bytes(b"evil")

    monkeypatch.setattr(reading, "_demand_ours", judge_then_swap)
    assert open_verified(package).manifest.plugin == "acme"


def test_verifying_imports_nothing_of_the_plugin(tmp_path: Path) -> None:
    path = signed(tmp_path, plugin_wheel(tmp_path, "raise SystemExit('imported')\n"))
    package = placed(tmp_path / "home", path)
    heavy = "{'click', 'rich', 'mcp', 'pydantic', 'apsw', 'packaging', 'zipfile', 'tomllib', 'ctypes'}"
    ended = in_child(package, f"print(sorted({heavy} & sys.modules.keys()))")
    assert (ended.stdout, ended.stderr) == ("[]\n", "")


def test_a_publisher_cannot_sign_for_a_dependency_that_brings_its_modules(tmp_path: Path) -> None:
    """Whoever signs with a tool of their own gets no further."""
    key = tmp_path / "publisher.key"
    path = signed(tmp_path, plugin_wheel(tmp_path), key=key)
    clash = wheel(tmp_path, {"acme/__init__.py": ""}, name="clash")
    data = resigned(path, key, dependencies={clash.name: sha256(clash.read_bytes())})
    with pytest.raises(WheelRefused, match="brings too"):
        verify_set(path.name, {path.name: data, clash.name: clash.read_bytes()}, None)
