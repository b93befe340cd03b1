"""Checks of what lies in the home: configuration, modes and owners, plugins, and who may sign in."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.doctor.findings import Finding, fail, ok, skipped, warn
from appliance.doctor.host import Host
from appliance.domain.operators import Role
from appliance.plugin_host.verification import verify_plugins
from appliance.service.operator_records import Account, Passkey
from appliance.service.operator_registry import ACCOUNTS, PASSKEYS
from appliance.store.credentials import CredentialsUnavailable, peek

_SECRET_NAME = re.compile(r"KEY|SECRET|PASSWORD|PASSPHRASE|TOKEN|CREDENTIAL|WEBHOOK", re.IGNORECASE)
_NO_SECRET = frozenset({"CREDENTIALS_DIRECTORY", "SSH_AUTH_SOCK", "GPG_KEY"})
"""Names that only look like one."""


def configuration(host: Host) -> Iterator[Finding]:
    """Whether the file can be used, and nobody else can change it."""
    if isinstance(host.loaded, tuple):
        for problem in host.loaded:
            yield fail(str(problem), "mend it, then: readytrader config check")
    else:
        mode = host.loaded.mode
        yield ok(f"{host.config_path or 'no file: every setting has its default'} ({mode} trading)")
    if host.config_path is not None and host.config_path.exists():
        found = host.config_path.stat()
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield fail(f"{host.config_path} can be written by others", f"chmod 600 {host.config_path}")


def folders(host: Host) -> Iterator[Finding]:
    """Whether every folder of the home is ours and closed."""
    home = host.home
    if not home.root.exists():
        yield fail(f"{home.root} is not there", "readytrader init")
        return
    owner = home.root.stat().st_uid
    inner = (home.keys, home.run, home.plugins, home.plugin_state, home.secrets)
    wrong = [finding for folder in (home.root, *inner) if folder.exists() for finding in _closed(folder, owner, 0o700)]
    yield from wrong
    if not wrong:
        yield ok(f"{home.root} and what is in it belong to uid {owner}")


def keys(host: Host) -> Iterator[Finding]:
    """Whether every file that holds a secret is ours and closed."""
    home = host.home
    if not home.root.exists():
        yield skipped("there is no home")
        return
    owner = home.root.stat().st_uid
    secrets = sorted(home.secrets.glob("*/*")) if home.secrets.is_dir() else []
    kept = sorted(home.keys.glob("*")) if home.keys.is_dir() else []
    files = [file for file in (*kept, *secrets, home.credentials, home.journal) if file.exists()]
    wrong = [finding for file in files for finding in _closed(file, owner, 0o600)]
    if home.journal.exists() and not home.checkpoint_key.exists():
        wrong.append(
            fail(f"{home.checkpoint_key} is missing, and the journal was signed with it", "put back a copy of it")
        )
    yield from wrong
    if not wrong:
        yield ok(f"{len(files)} files are closed to others")


def sockets(host: Host) -> Iterator[Finding]:
    """Whether others can open the sockets: the folder keeps them out, and so does each socket's own mode."""
    there = [path for path in (host.home.operator_socket, host.home.agent_socket) if path.exists()]
    for path in there:
        found = path.stat()
        if not stat.S_ISSOCK(found.st_mode):
            yield fail(f"{path} is no socket", "stop the daemon, remove it, and start the daemon again")
        elif found.st_mode & 0o077:
            yield fail(f"{path} has mode {found.st_mode & 0o777:o}", "restart the daemon; find out who changed it")
        else:
            yield ok(f"{path}")


def environment(host: Host) -> Iterator[Finding]:
    """Secrets in variables are seen by every child and in /proc. Their names are told, never what they hold."""
    names = sorted(
        name for name, value in host.environ.items() if value and _SECRET_NAME.search(name) and name not in _NO_SECRET
    )
    if names:
        yield warn(
            f"variables that look like secrets: {', '.join(names)}",
            "give plugins their secrets with readytrader plugin secret, and take these out of the environment",
        )
    else:
        yield ok("no variable looks like a secret")


def plugins(host: Host) -> Iterator[Finding]:
    """Hashes and signatures of what is installed, and the secrets that instances need."""
    if host.configuration is None:
        yield skipped("the configuration cannot be used")
        return
    with host.as_owner():
        findings = verify_plugins(host.configuration, host.home)
    for finding in findings:
        for wrong in finding.wrong:
            yield fail(f"{finding.subject}: {wrong}", "readytrader plugin verify")
        if not finding.wrong:
            yield ok(finding.subject)


def accounts(host: Host) -> Iterator[Finding]:
    """Whether anybody can sign in, and somebody can do everything."""
    if host.configuration is None or not host.configuration.operator_listener.enabled:
        yield skipped("operators come in over the socket alone")
        return
    found = _accounts(host)
    if isinstance(found, Finding):
        yield found
    elif not any(account.role is Role.ADMIN for account in found):
        yield warn("no account has the role admin, so not everything can be done over HTTP", "readytrader operator add")
    else:
        yield ok(", ".join(f"{account.username} ({account.role})" for account in found))


def second_factors(host: Host) -> Iterator[Finding]:
    """Whether everybody who may approve has a second factor, without which nothing is approved."""
    found = _accounts(host)
    if isinstance(found, Finding):
        yield skipped("there are no accounts to look at")
        return
    with_passkeys = {key.username for key in peek(host.home.credentials, PASSKEYS, Passkey).values()}
    for account in found:
        if account.role.covers(Role.OPERATOR):
            if account.totp_secret is None and account.username not in with_passkeys:
                yield warn(
                    f"{account.username} has no second factor",
                    f"readytrader operator totp {account.username}, or the page, under My security",
                )
            else:
                yield ok(f"{account.username} has a second factor")


def _accounts(host: Host) -> list[Account] | Finding:
    if not host.home.credentials.exists():
        return warn("nobody has an account, so nobody can sign in to the page", "readytrader operator add NAME")
    try:
        known = peek(host.home.credentials, ACCOUNTS, Account)
    except CredentialsUnavailable as fault:
        return fail(str(fault), "stop the daemon and put back a copy of operators.db")
    return [account for account in known.values() if account.disabled_at is None]


def _closed(path: Path, owner: int, mode_max: int) -> Iterator[Finding]:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        yield fail(f"{path} is a link", "put the file itself there")
    elif found.st_uid != owner:
        yield fail(f"{path} belongs to uid {found.st_uid}, expected {owner}", f"chown {owner} {path}")
    elif found.st_mode & 0o777 & ~mode_max:
        yield fail(f"{path} has mode {found.st_mode & 0o777:o}, expected {mode_max:o}", f"chmod {mode_max:o} {path}")
