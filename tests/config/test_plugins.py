"""`[[plugin]]`, the instances of every kind, and what they contradict."""

from __future__ import annotations

import tomllib

import pytest
from readytrader_sdk.egress import Endpoint

from appliance.config import load
from appliance.config.tables import ARRAYS, INSTANCES
from appliance.config.template import template
from appliance.plugin_host.cage import Measure
from appliance.plugin_host.entries import InstalledPlugin, Instance
from appliance.plugin_host.kinds import Kind

PUBLISHER = "ed25519:" + "A" * 43 + "="
ACME = f"""\
[[plugin]]
name = "acme"
wheel = "acme-1.0-py3-none-any.whl"
version = "1.0"
sha256 = "{"ab" * 32}"
publisher = "{PUBLISHER}"
kinds = ["exchange", "router", "signer", "notifier", "data_source"]
"""
EXCHANGE = '[[exchange]]\nname = "kraken"\nplugin = "acme"\n'


def test_a_plugin_is_read_exactly(loaded):
    more = """\
hosts = ["b.example.com:443", "a.example.com:8443"]
secrets = ["api_key"]
file_settings = ["path"]
enabled = false
[plugin.dependencies]
"dep-2.0-py3-none-any.whl" = "{}"
""".format("cd" * 32)
    (plugin,) = loaded(ACME + more).plugins
    assert plugin == InstalledPlugin(
        name="acme",
        wheel="acme-1.0-py3-none-any.whl",
        version="1.0",
        sha256="ab" * 32,
        publisher=PUBLISHER,
        kinds=tuple(sorted(Kind)),
        hosts=(Endpoint("a.example.com", 8443), Endpoint("b.example.com", 443)),
        secrets=("api_key",),
        file_settings=("path",),
        dependencies={"dep-2.0-py3-none-any.whl": "cd" * 32},
        enabled=False,
    )


@pytest.mark.parametrize("array", INSTANCES, ids=lambda array: array.name)
def test_an_instance_of_every_kind_is_read_with_what_it_is_granted(loaded, array):
    toml = f"""
[[{array.name}]]
name = "one"
plugin = "acme"
hosts = ["api.example.com:443"]
private_hosts = ["node.lan:8545"]
[{array.name}.settings]
speed = 2
"""
    instance = next(one for one in loaded(ACME + toml).instances if one.name == "one")
    assert instance.kind == {"source": "data_source"}.get(array.name, array.name)
    assert (instance.plugin, instance.settings) == ("acme", {"speed": "2"})
    assert instance.hosts == (Endpoint("api.example.com", 443),)
    assert instance.private_hosts == (Endpoint("node.lan", 8545),)


def test_the_default_source_stays_when_only_other_instances_are_written(loaded):
    assert [one.name for one in loaded(ACME + EXCHANGE).instances] == ["sample", "kraken"]


def test_an_exchange_is_the_venue_of_its_name_unless_it_says_otherwise(loaded):
    second = '[[exchange]]\nname = "spare"\nplugin = "acme"\nvenue = "kraken-futures"\n'
    assert [one.venue for one in loaded(ACME + EXCHANGE + second).exchanges] == ["kraken", "kraken-futures"]


def test_the_order_of_lists_is_no_decision(loaded):
    one, other = 'hosts = ["a.b:1", "c.d:2"]\n', 'hosts = ["c.d:2", "a.b:1"]\n'
    assert loaded(ACME + one).digest == loaded(ACME + other).digest != loaded(ACME).digest


@pytest.mark.parametrize(
    ("name", "other"),
    [("sha256", "cd" * 32), ("version", "1.1"), ("publisher", "ed25519:" + "B" * 42 + "A="), ("enabled", "false")],
)
def test_what_is_trusted_is_a_part_of_the_digest(loaded, name, other):
    lines = [line for line in ACME.splitlines() if not line.startswith(f"{name} =")]
    changed = "\n".join([*lines, f"{name} = {other if name == 'enabled' else repr(other)}"])
    assert loaded(changed).digest != loaded(ACME).digest


WRONG = [
    ("name", '"Acme"', "a plugin's name"),
    ("name", '"../acme"', "a plugin's name"),
    ("wheel", '"../acme-1.0-py3-none-any.whl"', "without a folder"),
    ("wheel", '"acme/x.whl"', "without a folder"),
    ("wheel", '".whl"', "without a folder"),
    ("version", '""', "a version"),
    ("version", "1.0", "a version"),
    ("sha256", f'"{"AB" * 32}"', "64 lower-case"),
    ("sha256", '"abcd"', "64 lower-case"),
    ("publisher", f'"{"A" * 44}"', "ed25519:"),
    ("publisher", f'"ed25519:{"A" * 42}B="', "ed25519:"),
    ("kinds", "[]", "at least one kind"),
    ("kinds", '["broker"]', "data_source or exchange"),
    ("kinds", '["exchange", "exchange"]', "listed twice"),
    ("hosts", '["https://api.example.com"]', "a host in lower case and a port"),
    ("hosts", '["API.example.com:443"]', "a host in lower case and a port"),
    ("hosts", '["api.example.com"]', "a host in lower case and a port"),
    ("hosts", '["api.example.com:0"]', "a host in lower case and a port"),
    ("hosts", "[443]", "a host in lower case and a port"),
    ("hosts", '"api.example.com:443"', "a list"),
    ("secrets", '["API KEY"]', "a secret's name"),
    ("secrets", '["../x"]', "a secret's name"),
    ("file_settings", '["Path"]', "a setting's name"),
    ("dependencies", '["x.whl"]', "a table of file names"),
    ("dependencies", f'{{"../x.whl" = "{"a" * 64}"}}', "without a folder"),
    ("dependencies", '{"x.whl" = "abc"}', "64 lower-case"),
    ("enabled", '"yes"', "true or false"),
]


@pytest.mark.parametrize(("name", "literal", "text"), WRONG, ids=lambda value: str(value)[:24])
def test_a_wrong_fact_about_a_plugin_is_refused_by_name(refused, name, literal, text):
    lines = [line for line in ACME.splitlines() if not line.startswith(f"{name} =")]
    (problem,) = refused("\n".join([*lines, f"{name} = {literal}"]))
    assert problem.setting == f"plugin.{name}"
    assert text in problem.text


@pytest.mark.parametrize("name", ["name", "wheel", "version", "sha256", "publisher", "kinds"])
def test_a_plugin_without_what_pins_it_is_refused(refused, name):
    (problem,) = refused("\n".join(line for line in ACME.splitlines() if not line.startswith(f"{name} =")))
    assert (problem.setting, problem.text) == (f"plugin.{name}", "is missing")


@pytest.mark.parametrize("built_in", ["sample", "replay"])
def test_a_plugin_with_the_name_of_a_built_in_is_a_clash(refused, built_in):
    problems = refused(ACME.replace('"acme"', f'"{built_in}"'))
    assert [one.text for one in problems] == [f"a name clash: {built_in} is a built-in plugin"]


@pytest.mark.parametrize("array", INSTANCES, ids=lambda array: array.name)
def test_an_instance_of_a_plugin_that_nobody_has_is_refused(refused, array):
    (problem,) = refused(f'{ACME}[[{array.name}]]\nname = "one"\nplugin = "acmee"\n')
    assert (problem.setting, problem.text) == (
        f"{array.name}.plugin",
        "one names an unknown plugin, acmee; did you mean acme?",
    )


def test_an_instance_of_a_disabled_plugin_is_refused_with_what_to_do(refused):
    (problem,) = refused(ACME + "enabled = false\n" + EXCHANGE)
    assert "acme is disabled, and kraken needs it: readytrader plugin enable acme" in problem.text


def test_an_instance_of_a_kind_that_the_plugin_was_not_granted_is_refused(refused):
    granted = ACME.replace('"exchange", ', "")
    (problem,) = refused(granted + EXCHANGE)
    assert problem.text.startswith("acme is no exchange; it may register data_source,")
    (problem,) = refused('[[notifier]]\nname = "a"\nplugin = "sample"\n')
    assert problem.text == "sample is no notifier; it may register data_source"


def test_one_name_in_two_arrays_is_refused(refused, tmp_path):
    (problem,) = refused(ACME + EXCHANGE + EXCHANGE.replace("exchange", "router"))
    assert problem.text == f"kraken is already a [[exchange]] at {tmp_path / 'readytrader.toml'}:8"


def test_two_exchanges_for_one_venue_are_refused(refused):
    (problem,) = refused(ACME + EXCHANGE + '[[exchange]]\nname = "b"\nplugin = "acme"\nvenue = "kraken"\n')
    assert problem.text == "venue kraken is already that of exchange kraken"


@pytest.mark.parametrize("array", INSTANCES, ids=lambda array: array.name)
def test_a_setting_that_smells_of_a_secret_is_refused_with_its_place(refused, array):
    (problem,) = refused(
        f'{ACME}[[{array.name}]]\nname = "one"\nplugin = "acme"\nsettings = {{api_key = "canary-1"}}\n'
    )
    assert "readytrader plugin secret NAME SECRET" in problem.text
    assert "canary-1" not in str(problem)


def test_only_an_exchange_has_a_venue(refused):
    (problem,) = refused(ACME + '[[router]]\nname = "one"\nplugin = "acme"\nvenue = "x"\n')
    assert problem.setting == "router.venue"


def test_plugins_and_instances_are_shown_with_their_place(loaded, tmp_path):
    configuration = loaded(ACME + EXCHANGE + 'hosts = ["a.b:1"]\n')
    shown = {row.setting: row.value for row in configuration.effective}
    assert shown["plugin.acme"] == f"enabled, version 1.0, sha256 {'ab' * 8}"
    assert shown["exchange.kraken"] == "plugin acme, venue kraken, to a.b:1"
    assert str(configuration.origins["exchange.kraken"]) == f"{tmp_path / 'readytrader.toml'}:8"


def test_without_a_word_the_cage_must_have_its_three_first_walls():
    required = load(None, {}).cage_required
    assert required == {Measure.NO_NEW_PRIVILEGES, Measure.SECCOMP, Measure.LANDLOCK_FILES}


def test_a_measure_that_no_cage_has_is_refused(refused):
    (problem,) = refused("[plugins]\ncage_required = ['seccomp', 'apparmor']\n")
    assert "'apparmor'" in problem.text


def test_the_example_of_the_template_names_what_there_is():
    """Every array is explained, and the example of an instance is TOML that holds known keys."""
    text = template()
    for array in ARRAYS:
        assert array.doc.split(".")[0][:40] in text.replace("\n# ", " ")
    start = text.index("# [[notifier]]\n# name")
    example = "\n".join(line.removeprefix("# ") for line in text[start:].splitlines()[:5])
    (notifier,) = tomllib.loads(example)["notifier"]
    assert Instance(kind=Kind.NOTIFIER, **{**notifier, "hosts": ()}).plugin == "webhook"
