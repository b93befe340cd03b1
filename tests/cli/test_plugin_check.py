"""`readytrader plugin check`: an instance in its real cage is held to the kit, and nothing of it is left behind."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from tests.cli.appliances import Appliance
from tests.wheels.building import plugin_wheel, signed

CLAIMS = 'api = 1\nkinds = ["{kind}"]\nhosts = []\nsecrets = {secrets}\nfile_settings = []\n'

NOTIFIER = """\
from readytrader_sdk.errors import Misconfigured, Unavailable
from readytrader_sdk.hooks import hookimpl

class Bell:
    def __init__(self, context):
        self.context = context
        if context.settings.get("mood") == "bad":
            raise Misconfigured("mood: expected good, got bad")

    async def notify(self, notice):
        if self.context.settings.get("works") == "false":
            raise Unavailable("nobody hears")
        (self.context.state_folder / "last").write_text(notice.text)

@hookimpl
def register_notifiers():
    return {"acme": Bell}
"""


def install(appliance: Appliance, folder: Path, wheel: Path, instance: str) -> None:
    """Install a signed wheel, and configure an instance."""
    signed(folder, wheel)
    publisher = appliance.json("plugin", "inspect", str(wheel))["publisher"]
    appliance.done("plugin", "install", str(wheel), "--publisher", publisher, "--yes")
    with (appliance.home / "readytrader.toml").open("a") as file:
        file.write(instance)


def bell(appliance: Appliance, folder: Path, settings: str = "{}", code: str = NOTIFIER, secrets: str = "[]") -> None:
    wheel = plugin_wheel(folder, code, claims=CLAIMS.format(kind="notifier", secrets=secrets))
    install(appliance, folder, wheel, f'\n[[notifier]]\nname = "bell"\nplugin = "acme"\nsettings = {settings}\n')


def test_a_built_in_keeps_what_it_promises_in_its_cage(appliance: Appliance) -> None:
    report = appliance.json("plugin", "check", "sample", "--listen", "1")
    assert (report["kind"], report["passed"]) == ("data_source", True)
    verdicts = {outcome["name"]: outcome["verdict"] for outcome in report["outcomes"]}
    assert verdicts["it_starts_again"] == "kept"
    assert verdicts["paper_prices_have_a_name"] == "kept"


@pytest.mark.parametrize("kind", ["data_source", "exchange", "notifier", "router", "signer"])
def test_the_template_of_every_kind_passes_once_it_is_installed(
    appliance: Appliance, tmp_path: Path, kind: str
) -> None:
    appliance.done("plugin", "new", kind, "acme", "--into", str(tmp_path))
    package = tmp_path / "acme" / "src" / "acme"
    files = {f"acme/{path.name}": path.read_text() for path in package.iterdir()}
    wheel = plugin_wheel(tmp_path, files.pop("acme/__init__.py"), files=files, claims=files["acme/readytrader.toml"])
    array = {"data_source": "source"}.get(kind, kind)
    install(appliance, tmp_path, wheel, f'\n[[{array}]]\nname = "mine"\nplugin = "acme"\n')
    for secret in tomllib.loads(files["acme/readytrader.toml"])["secrets"]:
        appliance.run("plugin", "secret", "mine", secret, "--from-file", "-", said="0x" + "11" * 32)
    finished = appliance.run("plugin", "check", "mine", "--listen", "1", "--json")
    assert finished.returncode == 0, finished
    report = json.loads(finished.stdout)
    assert report["passed"]
    moving = [one for one in report["outcomes"] if one["reason"] == "not run here: it moves value"]
    assert bool(moving) is (kind in ("exchange", "router", "signer"))


def test_a_broken_promise_is_told_with_exit_code_1(appliance: Appliance, tmp_path: Path) -> None:
    bell(appliance, tmp_path, '{works = "false"}')
    finished = appliance.run("plugin", "check", "bell")
    assert finished.returncode == 1
    assert "promised: A notice is delivered." in finished.stdout
    assert "nobody hears" in finished.stdout


@pytest.mark.parametrize(
    ("settings", "code", "secrets", "told"),
    [
        ('{mood = "bad"}', NOTIFIER, "[]", "mood: expected good, got bad"),
        ("{}", "import nothing_of_that_name\n", "[]", "nothing_of_that_name"),
        ("{}", NOTIFIER, '["token"]', "secrets/bell"),
    ],
    ids=["misconfigured", "cannot be imported", "without its secret"],
)
def test_a_plugin_that_cannot_work_is_told_in_one_line(
    appliance: Appliance, tmp_path: Path, settings: str, code: str, secrets: str, told: str
) -> None:
    bell(appliance, tmp_path, settings, code, secrets)
    finished = appliance.run("plugin", "check", "bell")
    assert finished.returncode == 1
    assert told in finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.stdout == ""


def test_a_check_leaves_the_state_of_the_instance_alone_and_nothing_behind(
    appliance: Appliance, tmp_path: Path
) -> None:
    bell(appliance, tmp_path)
    state = appliance.home / "plugin-state" / "bell"
    state.mkdir(parents=True, mode=0o700)
    (state / "last").write_text("of the daemon")
    appliance.done("plugin", "check", "bell")
    assert (state / "last").read_text() == "of the daemon"
    assert os.listdir(state.parent) == ["bell"]


def test_a_plugin_that_was_changed_on_the_disk_is_not_loaded(appliance: Appliance, tmp_path: Path) -> None:
    bell(appliance, tmp_path)
    (wheel,) = (appliance.home / "plugins" / "acme").iterdir()
    wheel.write_bytes(wheel.read_bytes() + b"x")
    finished = appliance.run("plugin", "check", "bell")
    assert finished.returncode == 1
    assert "is not the file that was installed" in finished.stderr


def test_an_instance_that_nobody_configured_is_wrong_usage(appliance: Appliance) -> None:
    finished = appliance.run("plugin", "check", "nobody")
    assert finished.returncode == 2
    assert "it has sample" in finished.stderr
