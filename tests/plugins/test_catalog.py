"""Finding plugins: only what is enabled is imported, and every trap is refused with the plugin's name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest

from appliance.plugin_host.catalog import Catalog, CatalogError, installed_plugins, load_catalog

GOOD = """
from readytrader_sdk.hooks import hookimpl
class Source: ...
@hookimpl
def register_data_sources():
    return {"NAME": Source}
"""


class Installed:
    """A folder of installed distributions, each with one plugin module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, plugin: str, code: str, *, distribution: str | None = None, value: str | None = None) -> str:
        """Install a plugin; returns its module's name, which no other test uses."""
        name = distribution or f"dist-{plugin}"
        module = f"rt_{self.folder.name.replace('-', '_')}_{plugin}_{name.replace('-', '_')}"
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        with (info / "entry_points.txt").open("a") as file:
            file.write(f"[readytrader.plugins]\n{plugin} = {value or module}\n")
        return module

    def found(self) -> list[Distribution]:
        return list(distributions(path=[str(self.folder)]))

    def load(self, *enabled: str) -> Catalog:
        return load_catalog(enabled, self.found())


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installed]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Installed(tmp_path)
    for name in [name for name in sys.modules if name.startswith("rt_")]:
        del sys.modules[name]


def test_an_enabled_plugin_is_found_with_its_origin(installed: Installed) -> None:
    module = installed.add("alpha", GOOD.replace("NAME", "tape"))
    catalog = installed.load("alpha")
    registered = catalog.data_sources["tape"]
    assert registered.factory is sys.modules[module].Source
    assert (registered.origin.plugin, registered.origin.distribution, registered.origin.version) == (
        "alpha",
        "dist-alpha",
        "1.0",
    )
    assert catalog.plugins == (registered.origin,)
    assert catalog.exchanges == {}


def test_what_is_not_enabled_is_listed_but_not_imported(installed: Installed) -> None:
    installed.add("alpha", GOOD.replace("NAME", "tape"))
    module = installed.add("trap", "raise SystemExit('imported')")
    assert set(installed_plugins(installed.found())) == {"alpha", "trap"}
    assert set(installed.load("alpha").data_sources) == {"tape"}
    assert module not in sys.modules


def test_several_plugins_each_answer_for_themselves(installed: Installed) -> None:
    installed.add("alpha", GOOD.replace("NAME", "tape"))
    installed.add("beta", GOOD.replace("NAME", "wire"))
    sources = installed.load("alpha", "beta").data_sources
    assert {name: registered.origin.plugin for name, registered in sources.items()} == {"tape": "alpha", "wire": "beta"}


@pytest.mark.parametrize("option", ["wrapper=True", "hookwrapper=True"])
def test_a_hook_wrapper_is_refused(installed: Installed, option: str) -> None:
    installed.add("alpha", GOOD.replace("NAME", "tape"))
    installed.add(
        "thief",
        f"""
from readytrader_sdk.hooks import hookimpl
@hookimpl({option})
def register_data_sources():
    answer = yield
    return [{{"tape": object}}]
""",
    )
    with pytest.raises(CatalogError, match=r"plugin thief .*register_data_sources is a hook wrapper"):
        installed.load("alpha", "thief")


def test_two_plugins_may_not_register_one_name(installed: Installed) -> None:
    installed.add("alpha", GOOD.replace("NAME", "tape"))
    installed.add("beta", GOOD.replace("NAME", "tape"))
    with pytest.raises(CatalogError, match=r"plugin beta .*data source 'tape' is already registered by alpha"):
        installed.load("alpha", "beta")


def test_two_distributions_may_not_claim_one_plugin_name(installed: Installed) -> None:
    installed.add("alpha", GOOD, distribution="first")
    installed.add("alpha", GOOD, distribution="second")
    with pytest.raises(CatalogError, match=r"plugin alpha: the name is claimed by (first|second) 1.0 and"):
        installed.load("alpha")


def test_a_plugin_that_is_not_installed_is_named_with_those_that_are(installed: Installed) -> None:
    installed.add("alpha", GOOD)
    with pytest.raises(CatalogError, match="plugin alhpa: not installed; installed are alpha"):
        installed.load("alhpa")


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import no_such_module", "importing it failed: ModuleNotFoundError"),
        ("raise SystemExit(0)", "importing it failed: SystemExit"),
        ("def", "importing it failed: SyntaxError"),
        ("raise ValueError('one\\ntwo')", "importing it failed: ValueError: one$"),
        (
            "from readytrader_sdk.hooks import hookimpl\n@hookimpl\ndef register_everything(): ...",
            "unknown hook 'register_everything'",
        ),
        (
            "from readytrader_sdk.hooks import hookimpl\n@hookimpl\ndef register_signers(secrets): ...",
            "PluginValidationError",
        ),
        (
            "from readytrader_sdk.hooks import hookimpl\n@hookimpl\ndef register_signers(): 1 / 0",
            "register_signers failed: ZeroDivisionError",
        ),
        (
            "from readytrader_sdk.hooks import hookimpl\n@hookimpl\ndef register_signers(): return ['a']",
            "register_signers must return a mapping, got list",
        ),
        (
            "from readytrader_sdk.hooks import hookimpl\n@hookimpl\ndef register_signers(): return {'a': 1}",
            "expected names to classes, got 'a': 1",
        ),
        (
            "from readytrader_sdk.hooks import hookimpl\n@hookimpl\ndef register_signers(): return {'../a': dict}",
            "expected names to classes, got '../a'",
        ),
    ],
)
def test_a_broken_plugin_is_named_with_what_is_wrong(installed: Installed, code: str, complaint: str) -> None:
    installed.add("broken", code)
    with pytest.raises(CatalogError, match=rf"(?s)plugin broken \(dist-broken 1.0\): .*{complaint}"):
        installed.load("broken")


def test_an_entry_point_that_is_not_a_module_is_refused(installed: Installed) -> None:
    installed.add("alpha", GOOD, value="pathlib:Path")
    with pytest.raises(CatalogError, match=r"plugin alpha .*must be a module, got type"):
        installed.load("alpha")


def test_a_hook_that_answers_nothing_registers_nothing(installed: Installed) -> None:
    installed.add("quiet", "x = 1")
    assert installed.load("quiet").data_sources == {}


def test_the_builtin_sources_register_through_the_same_door(installed: Installed) -> None:
    installed.add("sample_source", "", value="builtin_plugins.sample_source")
    installed.add("replay_source", "", value="builtin_plugins.replay_source")
    assert set(installed.load("sample_source", "replay_source").data_sources) == {"sample", "replay"}
