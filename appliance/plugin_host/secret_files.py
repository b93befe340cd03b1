"""The secrets of an instance: one file each, which its worker reads before it is caged, and nobody else."""

from __future__ import annotations

from pathlib import Path

from appliance.durable import replace_file
from appliance.home import Home, private_folder
from appliance.plugin_host.worker.credentials import BYTES_MAX, CredentialRefused, read_credentials


class SecretRefused(Exception):
    """This is not stored. The message never holds the secret."""


def write_secret(home: Home, instance: str, name: str, value: bytes) -> Path:
    """Store a secret for an instance, closed to others, in place of an older one; its file.

    Raises `SecretRefused`, and `HomeRefused` for a folder that is open to others.
    """
    if not value.strip():
        raise SecretRefused(f"{name}: it is empty")
    if len(value) > BYTES_MAX:
        raise SecretRefused(f"{name}: expected at most {BYTES_MAX} bytes, got {len(value)}")
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise SecretRefused(f"{name}: it is not UTF-8 text: byte {fault.start}") from None
    path = private_folder(private_folder(home.secrets) / instance) / name
    try:
        replace_file(path, value, 0o600)
    except OSError as fault:
        raise SecretRefused(f"{path}: cannot be written: {fault.strerror}") from fault
    return path


def wrong_with_secret(home: Home, instance: str, name: str, *, optional: bool = False) -> str | None:
    """Why the worker of an instance would not take this secret; None where it would. Read as the worker reads it."""
    folder, advice = home.secrets / instance, f"readytrader plugin secret {instance} {name}"
    try:
        names, spare = ((), (name,)) if optional else ((name,), ())
        read_credentials(str(folder), names, spare)
    except CredentialRefused as fault:
        if not _is_there(folder / name):
            return f"secret {name} is missing: {advice}"
        return f"secret {name}: {fault} ({advice})"
    return None


def _is_there(path: Path) -> bool:
    """Whether anything is there, or may be: where one may not look, reading says why."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True
