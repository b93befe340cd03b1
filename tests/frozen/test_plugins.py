"""Plugins of other people in the frozen program: what they bring, and what they expect of Python, is there."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.appliances import Appliance, new_appliance
from tests.frozen.builds import ONE_FILE, UNPACKED
from tests.wheels.building import abi3_tag, extension, plugin_wheel, wheel

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None and os.environ.get("REQUIRE_ALL") != "1", reason="there is no compiler here"
)

CLAIMS = 'api = 1\nkinds = ["data_source"]\nhosts = []\nsecrets = []\nfile_settings = []\n'
SOURCE = """\
import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from readytrader_sdk.hooks import hookimpl
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Quote
%(before)s

class Source:
    paper_only = "test"

    def __init__(self, context):
        pass

    def instruments(self):
        return []

    async def stream(self):
        while True:
            bid = Decimal(50000) + answer()
            yield Quote(symbol=Symbol("BTC/USDT"), bid=bid, ask=bid + 1, observed_at=datetime.now(UTC))
            await asyncio.sleep(0.05)

@hookimpl
def register_data_sources():
    return {"%(name)s": Source}
"""
RARE = """\
import bz2, colorsys, ctypes, curses.ascii, dbm.dumb, decimal, difflib, doctest, fractions, ftplib, graphlib, imaplib
import html.parser, http.cookiejar, lzma, mailbox, multiprocessing.shared_memory, netrc, optparse, plistlib, poplib
import sched, shelve, smtplib, sqlite3, statistics, tarfile, trace, unittest.mock, uuid, wave, wsgiref.simple_server
import pyexpat, xml.dom.minidom, xml.etree.ElementTree, xml.sax, xmlrpc.client, zipapp, zoneinfo

def answer():
    found = lzma.decompress(lzma.compress(bz2.compress(plistlib.dumps({"answer": 42}))))
    with sqlite3.connect(":memory:") as database:
        (one,) = database.execute("SELECT 1").fetchone()
    (from_xml,), _ = xmlrpc.client.loads(xmlrpc.client.dumps((42,)))
    assert from_xml == plistlib.loads(bz2.decompress(found))["answer"]
    return one
"""
NAMES = ("pure", "compiled", "rare")
INSTANCE = '\n[[source]]\nname = "{name}_1"\nplugin = "{name}"\npriority = 1\n'
TICKS_WAIT_MAX_S = 30.0


class Shop:
    """A publisher with three plugins, all of it done with the frozen program."""

    def __init__(self, folder: Path, appliance: Appliance) -> None:
        self.key = folder / "publisher.key"
        self.publisher = appliance.done("plugin", "keygen", str(self.key)).strip()
        needed = wheel(folder, {"tiny_dep/__init__.py": "def answer():\n    return 1\n"}, name="tiny-dep")
        module = {"compiled/native.abi3.so": extension(folder, "native", "1")}
        self.wheels: Mapping[str, Path] = {
            "pure": source_wheel(folder, "pure", "from tiny_dep import answer", requires=["tiny-dep"]),
            "compiled": source_wheel(
                folder, "compiled", "from compiled.native import answer", files=module, tag=abi3_tag()
            ),
            "rare": source_wheel(folder, "rare", RARE),
        }
        for name, own in self.wheels.items():
            more = ["--dependency", str(needed)] if name == "pure" else []
            appliance.done("plugin", "sign", str(own), "--key", str(self.key), *more)

    def install(self, appliance: Appliance) -> None:
        """Each plugin, and one instance of it."""
        for name, own in self.wheels.items():
            appliance.done("plugin", "install", str(own), "--publisher", self.publisher, "--yes")
            with (appliance.home / "readytrader.toml").open("a") as file:
                file.write(INSTANCE.format(name=name))


def source_wheel(folder: Path, name: str, before: str, **more: Any) -> Path:
    return plugin_wheel(folder, SOURCE % {"name": name, "before": before}, name=name, claims=CLAIMS, **more)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with new_appliance(command=[str(UNPACKED)]) as appliance:
        yield Shop(tmp_path_factory.mktemp("shop"), appliance)


@pytest.fixture(scope="module")
def installed(shop: Shop) -> Iterator[Appliance]:
    with new_appliance(command=[str(UNPACKED)]) as appliance:
        shop.install(appliance)
        yield appliance


def ticking(appliance: Appliance) -> dict[str, Any]:
    """The status, once every source of the shop was heard more than once; or as it is when the time is up."""
    until = time.monotonic() + TICKS_WAIT_MAX_S
    while True:
        status: dict[str, Any] = appliance.json("status")
        accepted = {source["name"]: source["accepted"] for source in status["sources"]}
        if all(accepted.get(f"{name}_1", 0) > 1 for name in NAMES) or time.monotonic() > until:
            return status
        time.sleep(0.1)


def test_what_is_installed_is_verified_from_the_disk(installed: Appliance) -> None:
    told = installed.json("plugin", "verify")
    assert told["ok"]
    assert {f"plugin {name}" for name in NAMES} <= {finding["subject"] for finding in told["findings"]}


@pytest.mark.parametrize("program", [ONE_FILE, UNPACKED], ids=["one file", "tree"])
def test_a_daemon_runs_them_in_their_cages_and_hears_them(
    installed: Appliance, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "command", [str(program)])
    daemon = installed.serve()
    status = ticking(installed)
    workers = {worker["name"]: worker for worker in status["workers"]}
    for name in NAMES:
        worker = workers[f"{name}_1"]
        assert (worker["state"], worker["restarts"], worker.get("last_error")) == ("ready", 0, None), status
        lacking = worker.get("cage_missing", ())
        assert not any(measure.startswith(("seccomp", "landlock_files")) for measure in lacking), lacking
        accepted = {source["name"]: source["accepted"] for source in status["sources"]}
        assert accepted[f"{name}_1"] > 1, status
    assert daemon.end() == 0


@pytest.mark.parametrize("name", NAMES)
def test_each_keeps_what_a_plugin_promises(installed: Appliance, name: str) -> None:
    report = installed.json("plugin", "check", f"{name}_1", "--listen", "1")
    assert report["passed"], report


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_with_one_byte_changed_is_neither_installed_nor_run(
    appliance: Appliance, installed: Appliance, shop: Shop, tmp_path: Path, name: str
) -> None:
    content = bytearray(shop.wheels[name].read_bytes())
    content[len(content) // 3] ^= 1
    changed = tmp_path / shop.wheels[name].name
    changed.write_bytes(content)
    before = (appliance.home / "readytrader.toml").read_bytes()
    refused = appliance.run("plugin", "install", str(changed), "--publisher", shop.publisher, "--yes")
    assert refused.returncode == 1, refused
    assert changed.name in refused.stderr
    assert (appliance.home / "readytrader.toml").read_bytes() == before

    shutil.rmtree(appliance.home)
    shutil.copytree(installed.home, appliance.home, ignore=shutil.ignore_patterns("run"))
    (appliance.home / "plugins" / name / changed.name).write_bytes(content)
    verified = appliance.run("plugin", "verify", name, "--json")
    assert (verified.returncode, json.loads(verified.stdout)["ok"]) == (1, False)
    checked = appliance.run("plugin", "check", f"{name}_1")
    assert checked.returncode == 1, checked
    assert "is not the file that was installed" in checked.stderr
