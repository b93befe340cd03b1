"""What the built-ins claim: each is one class of one kind under its own name, and asks for what it uses alone."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from readytrader_sdk.egress import Endpoint

from appliance.plugin_host.catalog import built_ins
from appliance.plugin_host.kinds import HOOKS, Kind

EXPECTED = {
    "ccxt": (Kind.EXCHANGE, {"api_key", "api_secret"}, set()),
    "ccxt_feed": (Kind.DATA_SOURCE, set(), set()),
    "discord": (Kind.NOTIFIER, {"webhook_url"}, set()),
    "email": (Kind.NOTIFIER, set(), {"ca_file"}),
    "env_private_key": (Kind.SIGNER, {"private_key"}, set()),
    "keystore": (Kind.SIGNER, {"password"}, {"path"}),
    "ntfy": (Kind.NOTIFIER, {"topic_url"}, {"ca_file"}),
    "replay": (Kind.DATA_SOURCE, set(), {"path"}),
    "sample": (Kind.DATA_SOURCE, set(), set()),
    "slack": (Kind.NOTIFIER, {"webhook_url"}, {"ca_file"}),
    "telegram": (Kind.NOTIFIER, {"bot_token"}, {"ca_file"}),
    "webhook": (Kind.NOTIFIER, {"signing_key"}, {"ca_file"}),
}


def test_these_are_the_built_ins_with_what_they_may_be_given() -> None:
    found = {
        name: (*plugin.claims.kinds, set(plugin.claims.secrets), set(plugin.claims.file_settings))
        for name, plugin in built_ins().items()
    }
    assert found == EXPECTED


def test_only_notifiers_of_public_services_have_hosts_of_their_own() -> None:
    hosts = {name: set(plugin.claims.endpoints) for name, plugin in built_ins().items() if plugin.claims.endpoints}
    assert hosts == {
        "discord": {Endpoint("discord.com", 443), Endpoint("discordapp.com", 443)},
        "ntfy": {Endpoint("ntfy.sh", 443)},
        "slack": {Endpoint("hooks.slack.com", 443), Endpoint("hooks.slack-gov.com", 443)},
        "telegram": {Endpoint("api.telegram.org", 443)},
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_a_built_in_registers_one_class_under_its_name_and_nothing_else(name: str) -> None:
    plugin = built_ins()[name]
    module = import_module(plugin.module)
    registered = {kind: getattr(module, hook)() for kind, hook in HOOKS.items() if hasattr(module, hook)}
    assert list(registered) == list(plugin.claims.kinds)
    (classes,) = registered.values()
    assert list(classes) == [name]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_built_in_loads_nothing_heavy_and_no_part_of_the_core(name: str) -> None:
    """What is loaded beside a key shares its memory; what is loaded anywhere is waited for."""
    unwanted = {"appliance", "cryptography", "eth_account", "eth_keys", "mcp", "pydantic", "py_ecc", "requests"}
    program = f"import sys, {built_ins()[name].module}; print(*({unwanted} & set(sys.modules)))"
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path and Path(path).is_dir())}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
