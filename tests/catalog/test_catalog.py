"""Which plugins there are, and what a worker of each may do: none is imported, and none used that was not named."""

from __future__ import annotations

import os
import subprocess
import sys
from email.message import Message
from importlib.metadata import Distribution, EntryPoint, EntryPoints
from pathlib import Path

import pytest
from msgspec import Struct
from readytrader_sdk.egress import Endpoint

from appliance.home import Home, HomeRefused
from appliance.plugin_host.catalog import (
    CatalogError,
    built_ins,
    installed_beside,
    secrets_of,
    worker_specs,
)
from appliance.plugin_host.entries import InstalledPlugin, Instance
from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.specs import BuiltIn, Rights, Wheels

ROOT = Path(__file__).parents[2]
ACME = InstalledPlugin(
    name="acme",
    wheel="acme-1.0-py3-none-any.whl",
    version="1.0",
    sha256="ab" * 32,
    publisher="ed25519:" + "A" * 43 + "=",
    kinds=(Kind.EXCHANGE, Kind.DATA_SOURCE),
    hosts=(Endpoint("api.example.com", 443),),
    secrets=("api_key",),
    file_settings=("path", "folders"),
    dependencies={"dep-2.0-py3-none-any.whl": "cd" * 32},
)
PERMIT_KEY = b"k" * 32


class Written(Struct, frozen=True, kw_only=True):
    """As much of a configuration as the catalog reads."""

    plugins: tuple[InstalledPlugin, ...] = (ACME,)
    instances: tuple[Instance, ...] = ()
    cage_required: frozenset[str] = frozenset({"seccomp", "landlock_files"})


def instance(kind: Kind = Kind.EXCHANGE, plugin: str = "acme", **more: object) -> Instance:
    return Instance(**{"kind": kind, "name": "one", "plugin": plugin, "settings": {}, **more})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def the_spec(home: Home, one: Instance, *plugins: InstalledPlugin):
    (spec,) = worker_specs(Written(plugins=plugins or (ACME,), instances=(one,)), home, PERMIT_KEY)
    return spec


def test_built_ins_are_known_with_their_claims_and_not_imported():
    program = """\
import sys
from appliance.plugin_host.catalog import built_ins
found = built_ins()
print(*found)
print(*(name for name in sys.modules if name.startswith("builtin_plugins.")))
"""
    environment = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    names, imported = ended.stdout.split("\n")[:2]
    assert {"sample", "replay", "discord", "webhook", "env_private_key", "keystore"} <= set(names.split())
    assert imported == ""


def test_a_built_in_runs_with_what_it_claims(home):
    spec = the_spec(home, instance(Kind.NOTIFIER, "discord"))
    claims = built_ins()["discord"].claims
    assert spec.package == BuiltIn(module="builtin_plugins.discord_notifier")
    assert spec.rights == Rights(hosts=claims.endpoints, secrets=claims.secrets)
    assert spec.kinds_granted == claims.kinds
    assert spec.rights.hosts


def test_an_installed_plugin_runs_with_what_it_was_granted_and_what_its_instance_was(home):
    own, private = Endpoint("eu.example.com", 443), Endpoint("node.lan", 8545)
    one = instance(hosts=(own, *ACME.hosts), private_hosts=(private,), venue="kraken", settings={"speed": "2"})
    spec = the_spec(home, one)
    assert spec.package == Wheels(
        folder=str(home.plugins / "acme"),
        wheel=ACME.wheel,
        sha256={ACME.wheel: ACME.sha256, **ACME.dependencies},
        publisher=ACME.publisher,
    )
    assert spec.rights == Rights(hosts=(*ACME.hosts, own), private_hosts=(private,), secrets=("api_key",))
    assert (spec.kind, spec.venue, spec.settings) == (Kind.EXCHANGE, "kraken", {"speed": "2"})
    assert spec.kinds_granted == (Kind.EXCHANGE, Kind.DATA_SOURCE)
    assert spec.cage_required == ("landlock_files", "seccomp")


def test_a_worker_has_folders_of_its_own_and_its_state_is_closed_to_others(home):
    spec = the_spec(home, instance())
    assert spec.state_folder == str(home.plugin_state / "one")
    assert spec.secrets_folder == str(home.secrets / "one")
    assert Path(spec.state_folder).stat().st_mode & 0o777 == 0o700
    Path(spec.state_folder).chmod(0o750)
    with pytest.raises(HomeRefused, match="mode is 750"):
        the_spec(home, instance())


@pytest.mark.parametrize("kind", Kind)
def test_only_a_kind_that_moves_value_is_given_the_key_of_permits(home, kind):
    everything = InstalledPlugin(**{**_fields(ACME), "kinds": tuple(Kind)})
    spec = the_spec(home, instance(kind), everything)
    assert spec.permit_key == (PERMIT_KEY if kind in (Kind.EXCHANGE, Kind.ROUTER, Kind.SIGNER) else b"")


def test_the_files_that_settings_name_can_be_read_and_no_others(home, tmp_path):
    first, second = tmp_path / "a.csv", tmp_path / "data"
    first.touch()
    second.mkdir()
    link = tmp_path / "link"
    link.symlink_to(second)
    one = instance(settings={"path": f"{first}, {link}", "folders": "", "other": "/etc"})
    assert the_spec(home, one).rights.read_paths == (str(first), str(second))


@pytest.mark.parametrize(
    "path",
    ["{home}", "{home}/keys", "{home}/keys/permit.key", "{home}/secrets/other/key", "{home}/..", "/", "{link}"],
)
def test_no_setting_lets_a_plugin_read_the_home_or_what_is_around_it(home, tmp_path, path):
    link = tmp_path / "link"
    link.symlink_to(home.keys)
    with pytest.raises(CatalogError, match="would show the plugin"):
        the_spec(home, instance(settings={"path": path.format(home=home.root, link=link)}))


def test_a_configuration_elsewhere_is_not_shown_either(tmp_path):
    home = Home(tmp_path / "home", tmp_path / "etc" / "readytrader.toml")
    home.prepare()
    with pytest.raises(CatalogError, match="would show the plugin"):
        the_spec(home, instance(settings={"path": str(tmp_path / "etc")}))


@pytest.mark.parametrize("path", ["data.csv", "./data", "~/data"])
def test_a_path_that_is_not_absolute_is_refused(home, path):
    with pytest.raises(CatalogError, match="one: setting path: expected absolute paths"):
        the_spec(home, instance(settings={"path": path}))


def test_an_unknown_plugin_is_refused_by_name(home):
    with pytest.raises(CatalogError, match="plugin nobody: neither a built-in"):
        the_spec(home, instance(plugin="nobody"))


def test_a_disabled_plugin_is_refused_by_name(home):
    with pytest.raises(CatalogError, match="readytrader plugin enable acme"):
        the_spec(home, instance(), InstalledPlugin(**{**_fields(ACME), "enabled": False}))


def test_a_kind_that_was_not_granted_is_refused(home):
    with pytest.raises(CatalogError, match="may register exchange, data_source, not signer"):
        the_spec(home, instance(Kind.SIGNER))


def test_an_installed_plugin_never_runs_in_place_of_a_built_in(home):
    shadow = InstalledPlugin(**{**_fields(ACME), "name": "discord", "kinds": (Kind.NOTIFIER,)})
    with pytest.raises(CatalogError, match="has the name of a built-in"):
        the_spec(home, instance(Kind.NOTIFIER, "discord"), shadow)


def test_the_secrets_of_a_plugin_are_those_it_was_granted(home):
    assert secrets_of(Written(), home, "acme") == ("api_key",)
    assert secrets_of(Written(), home, "discord") == ("webhook_url",)


class Installed(Distribution):
    """A distribution that somebody installed beside the appliance."""

    def __init__(self, name: str, *points: EntryPoint) -> None:
        self._message, self._points = Message(), points
        self._message["Name"], self._message["Version"] = name, "1.0"

    @property
    def metadata(self) -> Message:
        return self._message

    @property
    def entry_points(self) -> EntryPoints:
        return EntryPoints(self._points)

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


def test_what_pip_installed_beside_the_appliance_is_told_and_not_used(home):
    ours = EntryPoint("sample", "builtin_plugins.sample_source", "readytrader.plugins")
    theirs = EntryPoint("evil", "evil", "readytrader.plugins")
    other = EntryPoint("tool", "tool:main", "console_scripts")
    found = installed_beside([Installed("readytrader", ours), Installed("evil-plugins", theirs, other)])
    assert [(one.plugin, one.distribution, one.version) for one in found] == [("evil", "evil-plugins", "1.0")]
    assert "evil" not in built_ins()


def _fields(entry: InstalledPlugin) -> dict[str, object]:
    return {name: getattr(entry, name) for name in entry.__struct_fields__}
