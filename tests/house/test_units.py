"""The systemd units, as text: what they start exists, and what must outlive the core hangs on nothing of it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from appliance.cli.main import root_group

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
WATCHDOG = ROOT / "systemd" / "readytrader-watchdog.service"
HARDENING = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "UMask": "0077",
}


def options(unit: Path) -> dict[str, str]:
    """Every option of a unit, whose name must stand in it once (systemd.syntax(7))."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text().splitlines():
        if line and line[0] not in "#;[":
            name, equals, value = line.partition("=")
            assert equals, line
            found[name].append(value)
    assert all(len(values) == 1 for values in found.values()), unit
    return {name: values[0] for name, values in found.items()}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_runs_a_verb_that_there_is_as_nobody_privileged(unit: Path) -> None:
    found = options(unit)
    program, *arguments = found["ExecStart"].split()
    assert program.endswith("/readytrader")
    assert arguments[-1] in root_group.commands
    assert found["User"] != "root"
    assert {name: found.get(name) for name in HARDENING} == HARDENING
    assert found["ReadWritePaths"] == arguments[arguments.index("--home") + 1]


def test_the_watchdog_outlives_the_core_and_always_comes_back() -> None:
    found = options(WATCHDOG)
    assert not {"Requires", "Requisite", "BindsTo", "PartOf", "Conflicts"} & found.keys()
    assert "readytrader.service" in found["After"].split()
    assert (found["Restart"], found["StartLimitIntervalSec"]) == ("always", "0")
