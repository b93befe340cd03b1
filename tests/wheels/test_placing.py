"""A plugin is put into its folder whole, and taken away whole."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from appliance.plugin_host.wheels import folder as plugin_folder
from appliance.plugin_host.wheels.folder import candidate, place, remove
from appliance.plugin_host.wheels.publishing import inspect
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.wheels.verified import open_verified
from tests.wheels.building import placed, plugin_wheel, signed, wheel


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_plugin_in_its_place_is_closed_to_others_and_verifies(tmp_path: Path) -> None:
    dependency = wheel(tmp_path, {"tinydep.py": ""}, name="tinydep")
    path = signed(tmp_path, plugin_wheel(tmp_path), [dependency])
    (tmp_path / "home").mkdir(mode=0o700)
    umask = os.umask(0)
    try:
        package = placed(tmp_path / "home", path, [])
    finally:
        os.umask(umask)
    folder = tmp_path / "home/plugins/acme"
    assert package.folder == str(folder)
    assert package.publisher == inspect(path).publisher
    assert names(folder) == sorted(package.sha256) == [path.name, dependency.name]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()} == {0o600}
    assert open_verified(package).manifest == inspect(path)
    assert names(folder.parent) == ["acme"]


def test_an_update_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    placed(home, signed(tmp_path, plugin_wheel(tmp_path)))
    (home / "plugins" / ".acme.incoming.left").mkdir()
    package = placed(home, signed(tmp_path, plugin_wheel(tmp_path, version="1.1")))
    assert names(home / "plugins/acme") == ["acme-1.1-py3-none-any.whl"]
    assert names(home / "plugins") == ["acme"]
    assert open_verified(package).manifest.version == "1.1"


def test_what_cannot_be_verified_in_its_place_leaves_what_was_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    package = placed(home, signed(tmp_path, plugin_wheel(tmp_path)))
    update = candidate(signed(tmp_path, plugin_wheel(tmp_path, version="1.1")))
    (home / "plugins").chmod(0o777)
    with pytest.raises(WheelRefused, match="can be written by others"):
        update.place(home / "plugins/acme")
    (home / "plugins").chmod(0o700)
    assert names(home / "plugins") == ["acme"]
    assert open_verified(package).manifest.version == "1.0"


def test_a_wheel_that_is_needed_and_missing_or_changed_is_refused(tmp_path: Path) -> None:
    dependency = wheel(tmp_path, {"tinydep.py": ""}, name="tinydep")
    path = signed(tmp_path, plugin_wheel(tmp_path), [dependency])
    elsewhere = dependency.rename(tmp_path / "home.whl")
    with pytest.raises(WheelRefused, match="needs a wheel that is not in"):
        candidate(path)
    dependency.write_bytes(elsewhere.read_bytes() + b"x")
    with pytest.raises(WheelRefused, match="was signed with"):
        candidate(path)
    dependency.write_bytes(elsewhere.read_bytes())
    other = wheel(tmp_path, {"other.py": ""}, name="other")
    with pytest.raises(WheelRefused, match="no use for this wheel"):
        candidate(path, [other])


def test_what_a_person_was_shown_is_what_is_placed(tmp_path: Path) -> None:
    """Between the question and the answer, the file becomes another."""
    path = signed(tmp_path, plugin_wheel(tmp_path))
    asked = candidate(path)
    path.write_bytes(b"other")
    package = asked.place(tmp_path / "home/plugins/acme")
    assert open_verified(package).manifest == asked.manifest


def test_an_unsigned_wheel_is_no_candidate(tmp_path: Path) -> None:
    with pytest.raises(WheelRefused, match="is not signed"):
        place(tmp_path / "home/plugins/acme", plugin_wheel(tmp_path))
    assert not (tmp_path / "home").exists()


def test_a_plugin_that_is_removed_is_gone(tmp_path: Path) -> None:
    folder = Path(placed(tmp_path / "home", signed(tmp_path, plugin_wheel(tmp_path))).folder)
    remove(folder)
    assert names(folder.parent) == []
    with pytest.raises(FileNotFoundError):
        remove(folder)
    assert names(folder.parent) == []


def test_a_removal_that_is_interrupted_leaves_no_half_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(placed(tmp_path / "home", signed(tmp_path, plugin_wheel(tmp_path))).folder)

    def fail(path: Path) -> None:
        raise OSError(5, "input/output error")

    monkeypatch.setattr(plugin_folder.shutil, "rmtree", fail)
    with pytest.raises(OSError, match="input/output"):
        remove(folder)
    assert not folder.exists()
