"""Commands change `[[plugin]]` tables and nothing else, or nothing at all."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from readytrader_sdk.egress import Endpoint

from appliance.config import editing, load
from appliance.config.editing import EditRefused, drop_plugin, enable_plugin, put_plugin
from appliance.config.template import template
from appliance.plugin_host.entries import InstalledPlugin
from appliance.plugin_host.kinds import Kind

ACME = InstalledPlugin(
    name="acme",
    wheel="acme-1.0-py3-none-any.whl",
    version="1.0",
    sha256="ab" * 32,
    publisher="ed25519:" + "A" * 43 + "=",
    kinds=(Kind.EXCHANGE, Kind.NOTIFIER),
    hosts=(Endpoint("api.example.com", 443),),
    secrets=("api_key",),
    file_settings=("path",),
    dependencies={"dep-2.0-py3-none-any.whl": "cd" * 32},
)
OTHER = msgspec.structs.replace(ACME, name="other", dependencies={})
INSTANCE = '\n[[notifier]]\nname = "bell"\nplugin = "acme"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readytrader.toml"
    path.write_text(template())
    path.chmod(0o640)
    return path


def test_a_plugin_is_written_so_that_it_is_read_back_exactly(file):
    put_plugin(file, {}, ACME)
    put_plugin(file, {}, OTHER)
    assert load(file, {}).plugins == (ACME, OTHER)


def test_everything_else_stays_as_it_was_written(file):
    before = file.read_text()
    put_plugin(file, {}, ACME)
    assert file.read_text().startswith(before)
    drop_plugin(file, {}, "acme")
    assert file.read_text().strip() == before.strip()


def test_the_mode_stays(file):
    put_plugin(file, {}, ACME)
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_update_keeps_the_comments_and_drops_what_is_no_more(file):
    put_plugin(file, {}, ACME)
    file.write_text(file.read_text().replace('version = "1.0"', '# pinned by me\nversion = "1.0"  # for now'))
    put_plugin(file, {}, msgspec.structs.replace(OTHER, name="acme", version="1.1", secrets=()))
    (plugin,) = load(file, {}).plugins
    assert (plugin.version, plugin.secrets, plugin.dependencies) == ("1.1", (), {})
    assert '# pinned by me\nversion = "1.1"  # for now\n' in file.read_text()


@pytest.mark.parametrize("enabled", [True, False])
def test_enabled_is_set_where_it_was_never_written_and_where_it_was(file, enabled):
    put_plugin(file, {}, ACME)
    file.write_text(file.read_text().replace("enabled = true\n", ""))
    for _ in range(2):
        enable_plugin(file, {}, "acme", enabled=enabled)
        assert load(file, {}).plugins == (msgspec.structs.replace(ACME, enabled=enabled),)


def test_tables_that_stand_apart_are_found(file):
    put_plugin(file, {}, OTHER)
    apart = file.read_text() + '\n[[notifier]]\nname = "bell"\nplugin = "other"\n'
    file.write_text(apart)
    put_plugin(file, {}, ACME)
    assert [plugin.name for plugin in load(file, {}).plugins] == ["other", "acme"]
    enable_plugin(file, {}, "acme", enabled=False)
    drop_plugin(file, {}, "acme")
    assert load(file, {}).plugins == (OTHER,)
    assert [one.name for one in load(file, {}).notifiers] == ["bell"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda path: put_plugin(path, {}, msgspec.structs.replace(ACME, name="sample")), "a name clash"),
        (lambda path: put_plugin(path, {}, msgspec.structs.replace(ACME, sha256="x")), "plugin.sha256"),
        (lambda path: put_plugin(path, {}, msgspec.structs.replace(ACME, kinds=(Kind.SIGNER,))), "acme is no notifier"),
        (lambda path: enable_plugin(path, {}, "acme", enabled=False), "acme is disabled, and bell needs it"),
        (lambda path: drop_plugin(path, {}, "acme"), "unknown plugin"),
        (lambda path: drop_plugin(path, {}, "nobody"), "has no [[plugin]] named nobody"),
        (lambda path: enable_plugin(path, {}, "nobody", enabled=True), "has no [[plugin]] named nobody"),
        (lambda path: put_plugin(path, {"PAPER_MODE": "maybe"}, OTHER), "env PAPER_MODE"),
    ],
    ids=range(8),
)
def test_a_change_after_which_the_configuration_would_be_refused_is_not_made(file, change, text):
    put_plugin(file, {}, ACME)
    file.write_text(file.read_text() + INSTANCE)
    before, folder = file.read_bytes(), sorted(os.listdir(file.parent))
    with pytest.raises(EditRefused) as refusal:
        change(file)
    assert text in str(refusal.value)
    assert file.read_bytes() == before
    assert sorted(os.listdir(file.parent)) == folder


def test_a_refusal_names_the_file_of_the_operator(file):
    with pytest.raises(EditRefused) as refusal:
        put_plugin(file, {}, msgspec.structs.replace(ACME, version="x"))
    assert f"{file}:" in str(refusal.value)
    assert f".{file.name}." not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'plugin = [{name = "acme"}]\n', "not written as [[plugin]] tables"),
        (b"plugin = 5\n", "not written as [[plugin]] tables"),
        (b"= 5\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_as_it_is(file, content, text):
    file.write_bytes(content)
    with pytest.raises(EditRefused) as refusal:
        put_plugin(file, {}, ACME)
    assert text in str(refusal.value)
    assert file.read_bytes() == content


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(EditRefused) as refusal:
        put_plugin(tmp_path / "none.toml", {}, ACME)
    assert "readytrader init" in str(refusal.value)


def test_a_configuration_that_is_refused_for_its_plugin_can_be_mended(file):
    put_plugin(file, {}, msgspec.structs.replace(ACME, enabled=False))
    file.write_text(file.read_text() + INSTANCE)
    enable_plugin(file, {}, "acme", enabled=True)
    assert load(file, {}).plugins == (ACME,)


def test_a_link_to_the_file_stays_a_link(file, tmp_path):
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    put_plugin(link, {}, ACME)
    assert link.is_symlink()
    assert load(file, {}).plugins == (ACME,)


def test_a_file_that_would_come_out_with_another_setting_changed_is_not_written(file, monkeypatch):
    """Should the library that writes TOML ever write something else than it read, nothing is taken from it."""
    before = file.read_bytes()
    dumps = editing.tomlkit.dumps
    monkeypatch.setattr(
        editing.tomlkit,
        "dumps",
        lambda document: dumps(document).replace("exposure_max_pct = 50", "exposure_max_pct = 99"),
    )
    with pytest.raises(EditRefused) as refusal:
        put_plugin(file, {}, ACME)
    assert "without changing other settings" in str(refusal.value)
    assert file.read_bytes() == before
