"""A home that cannot be used as it is: one line that names the file, what is wrong with it, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.appliances import Appliance

PORTS = {"READYTRADER_AGENT_HTTP_PORT": "0", "API_PORT": "0"}


def open_to_others(key: Path) -> None:
    key.chmod(0o640)


def gone(key: Path) -> None:
    key.unlink()


def of_something_else(key: Path) -> None:
    key.write_text("ssh-ed25519 AAAA")


def a_folder(key: Path) -> None:
    key.unlink()
    key.mkdir(0o700)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (open_to_others, "mode is 640, expected 600 (chmod 600 {key})"),
        (gone, "missing, and {journal} was signed with it; put back a copy of it, or start with an empty home"),
        (
            of_something_else,
            "not a checkpoint key (its header is missing); put back a copy of it, or start with an empty home",
        ),
        (a_folder, "cannot be read: Is a directory"),
    ],
)
def test_a_key_of_the_journal_that_is_not_as_it_must_be(
    appliance: Appliance, spoil: Callable[[Path], None], said: str
) -> None:
    appliance.add_agent("bot")
    key = appliance.home / "keys" / "checkpoint.key"
    spoil(key)
    finished = appliance.run("serve", **PORTS)
    assert finished.returncode == 3
    assert finished.stderr.splitlines() == [
        f"readytrader: {key}: {said.format(key=key, journal=appliance.journal)}",
    ]


def test_a_permit_key_that_others_can_read_is_refused(appliance: Appliance) -> None:
    key = appliance.home / "keys" / "permit.key"
    appliance.add_agent("bot")
    key.chmod(0o604)
    finished = appliance.run("serve", **PORTS)
    assert finished.returncode == 3
    assert finished.stderr.splitlines()[-1] == f"readytrader: {key}: mode is 604, expected 600 (chmod 600 {key})"


def test_a_journal_that_is_no_journal_has_the_exit_code_of_damage(appliance: Appliance) -> None:
    appliance.add_agent("bot")
    appliance.journal.write_bytes(b"this is no database at all" * 400)
    finished = appliance.run("serve", **PORTS)
    assert finished.returncode == 4
    assert finished.stderr.splitlines()[-1] == (
        f"readytrader: {appliance.journal}: not a whole journal (file is not a database); "
        "readytrader audit verify says where"
    )


def test_a_missing_secret_is_told_with_the_verb_that_gives_it(appliance: Appliance) -> None:
    appliance.configure('[[notifier]]\nname = "hook"\nplugin = "webhook"\n')
    said = appliance.serve().wait_for("worker hook is failed: ")
    assert f"{appliance.home}/secrets/hook/signing_key: is missing (readytrader plugin secret hook)" in said
