"""The frozen program is whole: it does its main job, looks at its parts, and does not start when one is missing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import __version__
from tests.cli.appliances import new_appliance
from tests.frozen.builds import DIST, ONE_FILE, TREE, UNPACKED

BOTH = pytest.mark.parametrize("program", [ONE_FILE, UNPACKED], ids=["one file", "tree"])
BROKEN_BUILD = 3
SIGNER = '[[signer]]\nname = "main"\nplugin = "env_private_key"\nsettings = {chain_ids = "1"}\n'


@BOTH
def test_it_tells_its_version(program: Path) -> None:
    with new_appliance(command=[str(program)]) as appliance:
        assert appliance.done("version") == f"readytrader {__version__}\n"


@BOTH
def test_every_part_of_it_works(program: Path) -> None:
    with new_appliance(command=[str(program)]) as appliance:
        told = appliance.json("selftest")
    assert (told["ok"], told["frozen"], told["version"]) == (True, True, __version__)
    names = {(part["area"], part["name"]) for part in told["parts"]}
    assert {
        ("Python", "environment"),
        ("files", "readytrader-0.1.0.dist-info/entry_points.txt"),
        ("compiled modules", "coincurve._cffi_backend"),
        ("plugins", "builtin_plugins.keystore_signer"),
        ("own modules", "appliance.plugin_host.egress.broker"),
        ("standard library", "sched"),
        ("uses", "signatures of signers"),
    } <= names


@BOTH
def test_an_agent_an_operator_and_an_auditor_get_through_the_demonstration(program: Path) -> None:
    with new_appliance(command=[str(program)]) as appliance:
        assert "Every step came out as it must" in appliance.done("demo", "--plain")


@BOTH
def test_a_signer_in_its_cage_finds_what_compiled_code_loads(program: Path) -> None:
    """An address is made by libsecp256k1 and Keccak-256, which are loaded by their paths when the cage is closed."""
    with new_appliance(SIGNER, command=[str(program)]) as appliance:
        key = appliance.run("plugin", "secret", "main", "private_key", "--from-file", "-", said="0x" + "11" * 32)
        assert key.returncode == 0, key
        report = appliance.json("plugin", "check", "main")
    assert report["passed"], report
    verdicts = {outcome["name"]: outcome["verdict"] for outcome in report["outcomes"]}
    assert verdicts["the_address_stays_the_same"] == "kept"


def test_the_checksums_are_of_what_is_there() -> None:
    for line in (DIST / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        if not digest.startswith("link to "):
            assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest, name


def test_it_holds_what_it_needs_and_no_developer_s_tools() -> None:
    """PyInstaller follows what a library would like to import: what is installed beside it must not get in."""
    inside = {path.name.partition(".")[0].partition("-")[0] for path in (TREE / "_internal").iterdir()}
    assert not inside & {
        "mypy",
        "hypothesis",
        "pytest",
        "setuptools",
        "eth_account",
        "eth_utils",
        "ckzg",
        "email_validator",
        "faker",
    }


def test_nothing_in_it_tells_where_it_was_built() -> None:
    left = [path for path in (TREE / "_internal").glob("*.dist-info/*") if path.name in ("direct_url.json", "RECORD")]
    assert not left


# --- a part is missing


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked program, to take something away from."""
    target = tmp_path_factory.mktemp("copy") / "tree"
    shutil.copytree(TREE, target, symlinks=True)
    return target


@pytest.fixture(
    params=[
        "coincurve/_cffi_backend*",
        "msgspec/_core*",
        "pydantic_core/_pydantic_core*",
        "libcrypto.so*",
        "readytrader-*.dist-info/entry_points.txt",
        "readytrader-*.dist-info",
        "builtin_plugins/sample_source/readytrader.toml",
        "PARTS",
    ]
)
def lost(request: pytest.FixtureRequest, copy: Path) -> Iterator[Path]:
    """One part, while it is missing."""
    (part,) = (copy / "_internal").glob(request.param)
    aside = copy.parent / "aside"
    part.rename(aside)
    yield part
    aside.rename(part)


@pytest.mark.parametrize(
    "verb",
    [
        ("serve",),
        ("mcp",),
        ("plugin-host", "acme", "--channel", "0"),
        ("egress-broker", "--control", "0"),
        ("selftest",),
    ],
    ids=lambda verb: verb[0],
)
def test_a_build_without_one_of_its_parts_does_not_start(copy: Path, lost: Path, verb: tuple[str, ...]) -> None:
    environment = {"HOME": str(copy.parent), "PATH": os.environ["PATH"]}
    ended = subprocess.run(
        [copy / "readytrader", *verb],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == BROKEN_BUILD, ended
    assert lost.relative_to(copy / "_internal").as_posix() in ended.stderr
    assert "do not use it" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (copy.parent / ".readytrader").exists()


def test_the_copy_as_it_was_built_starts(copy: Path) -> None:
    """Or the tests above would prove nothing."""
    ended = subprocess.run([copy / "readytrader", "selftest"], env={}, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended
