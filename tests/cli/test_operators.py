from __future__ import annotations

import json
import os

from tests.cli.appliances import Appliance

PASSWORD = "correct horse battery\n"


def test_operators_are_kept_without_a_daemon_and_listed_without_their_secrets(appliance: Appliance) -> None:
    added = appliance.run("operator", "add", "alice", "--role", "admin", said=PASSWORD)
    listed = appliance.run("operator", "list", "--json")
    (alice,) = json.loads(listed.stdout)
    assert added.returncode == 0, added.stderr
    assert (alice["username"], alice["role"], alice["totp"], alice["passkeys"]) == ("alice", "admin", False, 0)
    assert "argon2" not in listed.stdout


def test_a_short_password_is_refused_with_the_reason_and_not_repeated(appliance: Appliance) -> None:
    refused = appliance.run("operator", "add", "alice", said="hunter2\n")
    assert refused.returncode == 1
    assert "12" in refused.stderr
    assert "hunter2" not in refused.stdout + refused.stderr


def test_a_bound_unix_user_acts_as_that_operator(appliance: Appliance) -> None:
    appliance.run("operator", "add", "alice", "--role", "admin", "--uid", str(os.geteuid()), said=PASSWORD)
    appliance.done("operator", "add", "bob", said=PASSWORD)
    exported = appliance.done("audit", "export")
    added = [json.loads(line) for line in exported.splitlines() if '"operator.changed"' in line]
    assert "operator:alice" in str(added[-1])


def test_whoever_owns_the_files_is_bound_to_no_lesser_role(appliance: Appliance) -> None:
    refused = appliance.run("operator", "add", "eve", "--role", "viewer", "--uid", str(os.geteuid()), said=PASSWORD)
    assert refused.returncode == 1
    assert "only an admin" in refused.stderr
