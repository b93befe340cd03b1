"""What a hostile package tries before it is anybody's plugin: another kind, another's name, another's code."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from readytrader_sdk.orders import ExecutionReport

from appliance.plugin_host.catalog import CatalogError, built_ins, worker_specs
from appliance.plugin_host.health import WorkerState
from appliance.plugin_host.kinds import Kind
from tests.cli.appliances import new_appliance
from tests.hostile.stage import HONEST, claims, new_stage
from tests.hostile.trading import rogue
from tests.wheels.building import plugin_wheel, signed

SECOND_KIND = "@hookimpl\ndef register_notifiers():\n    return {'rogue': Rogue}\n"
WRAPPER = (
    "from readytrader_sdk.hooks import hookimpl\n"
    "@hookimpl(wrapper=True)\ndef register_exchanges():\n    return (yield)\n"
)
OLD_WRAPPER = WRAPPER.replace("wrapper", "hookwrapper").replace("return (yield)", "yield")
ANOTHER_NAME = "@hookimpl\ndef register_exchanges():\n    return {'sample': Rogue}\n"
UNGRANTED_AND_HIDDEN = (
    "def sneaky():\n    return {'rogue': Rogue}\nother = hookimpl(sneaky, specname='register_signers')\n"
)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", SECOND_KIND, "register_notifiers, and notifier was not granted"),
        ("", UNGRANTED_AND_HIDDEN, "register_signers, and signer was not granted"),
        ("", WRAPPER, "a hook wrapper; plugins may not wrap"),
        ("", OLD_WRAPPER, "a hook wrapper; plugins may not wrap"),
        ("", ANOTHER_NAME, "it registers no exchange 'rogue'"),
        ("", "@hookimpl\ndef register_everything():\n    return {}\n", "register_everything"),
        ("import honest", "", "importing it failed: .*honest"),
        ("import sibling", "", "importing it failed: .*sibling"),
        ("import sys; sys.exit(0)", "", "importing it failed: SystemExit"),
    ],
    ids=["a second kind", "a hidden kind", "a wrapper", "an old wrapper", "another's name", "an unknown hook",
         "another plugin's package", "another instance", "an exit"],
)  # fmt: skip
def test_it_is_refused_by_name_and_not_started_again(before: str, after: str, told: str) -> None:
    with rogue(before=before, after=after, wait=False) as scene:
        scene.stage.until(lambda: scene.health.state is WorkerState.FAILED)
        assert re.search(told, scene.health.last_error or ""), scene.health.last_error
        assert (scene.health.restarts, scene.health.pid) == (0, None)
        scene.stage.ready("sibling")
        assert scene.are_others_well()


@pytest.mark.parametrize("name", ["sample", "webhook"])
def test_a_plugin_by_the_name_of_a_built_in_is_none(name: str) -> None:
    assert name in built_ins()
    with new_stage() as stage:
        stage.install(name, {"__init__.py": HONEST.replace("honest", name)}, [Kind.NOTIFIER])
        stage.instance(Kind.NOTIFIER, "mine", name)
        with pytest.raises(CatalogError, match=f"plugin {name}: an installed plugin has the name of a built-in"):
            worker_specs(stage.configured, stage.home, b"")


def test_a_plugin_by_the_name_of_a_built_in_is_not_installed() -> None:
    with new_appliance() as appliance:
        built = plugin_wheel(appliance.folder, HONEST, name="sample", claims=claims([Kind.NOTIFIER]))
        finished = appliance.run("plugin", "install", str(signed(appliance.folder, built)), "--yes")
        assert finished.returncode != 0
        assert "a name clash: sample is a built-in plugin" in finished.stderr
        assert not (appliance.home / "plugins" / "sample").exists()


def test_a_wheel_that_changes_after_the_check_changes_nothing_now_and_is_refused_at_the_next_start() -> None:
    with rogue() as scene:
        folder = scene.stage.home.plugins / "rogue"
        (wheel,) = folder.iterdir()
        replace(wheel, wheel.read_bytes() + b"other code")
        assert isinstance(scene.place(scene.next_order()), ExecutionReport)
        pid = scene.health.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        scene.stage.until(lambda: scene.health.state is WorkerState.FAILED)
        error = scene.health.last_error or ""
        assert wheel.name in error
        assert "SHA-256" in error or "sha256" in error
        assert scene.are_others_well()


def replace(wheel: Path, content: bytes) -> None:
    """As somebody who may write there would: another file of the same name."""
    folder = wheel.parent
    folder.chmod(0o700)
    beside = folder.parent / "beside"
    beside.write_bytes(content)
    beside.chmod(wheel.stat().st_mode & 0o777)
    beside.rename(wheel)


def test_a_plugin_that_dies_at_once_is_started_with_pauses_and_takes_nobody_along() -> None:
    with rogue(before="import os; os._exit(9)", wait=False) as scene:
        scene.stage.ready("sibling")
        open_before = len(os.listdir("/proc/self/fd"))
        scene.stage.until(lambda: scene.health.restarts >= 20)
        assert scene.health.state in (WorkerState.STARTING, WorkerState.WAITING)
        assert "it ended before it was ready: the peer is gone (exit code 9)" in (scene.health.last_error or "")
        assert scene.are_others_well()
        assert len(os.listdir("/proc/self/fd")) <= open_before + 6
