"""A permit for paper money opens no real venue: in paper mode no worker knows the key that permits are checked with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from appliance.bootstrap import build
from appliance.config import load
from appliance.domain.snapshot import Mode
from appliance.home import Home
from appliance.plugin_host.host import PluginHost

SIGNER = """
[[signer]]
name = "vault"
plugin = "env_private_key"
settings = { chain_ids = "1" }
"""


@pytest.mark.parametrize(("mode", "knows"), [(Mode.PAPER, False), (Mode.LIVE, True)])
def test_a_worker_that_moves_value_knows_the_permit_key_in_live_mode_alone(
    tmp_path: Path, mode: Mode, *, knows: bool
) -> None:
    file = tmp_path / "readytrader.toml"
    file.write_text(SIGNER)
    plugins = PluginHost(lambda: datetime.now(UTC), ())
    core = build(Home(tmp_path / "home"), replace(load(file, {}), mode=mode), plugins=plugins)
    core.journal.close()
    assert bool(plugins["vault"].spec.permit_key) is knows
