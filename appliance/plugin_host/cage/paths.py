"""What a caged process must be able to read to go on being Python: its own program, system libraries, certificates."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache",
    "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/ca-certificates",
    "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf", "/etc/pki/ca-trust/extracted",
    "/etc/crypto-policies", "/usr/share/crypto-policies",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/usr/share/zoneinfo", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/random",
)  # fmt: skip
"""Where distributions keep libraries, trusted certificates (not private keys), time zones and harmless devices."""

_RESOLVER = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
    "/etc/protocols", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
)  # fmt: skip


def runtime_paths() -> tuple[str, ...]:
    """What Python itself, and the libraries that it loads late, must be able to read here; every path exists.

    From source these are the folders of `sys.path` and the interpreter's own; frozen, the unpacked tree and the program
    file, which holds the modules. Relative entries are left out, and so is a folder that holds this user's home: a
    program that is started from such a folder cannot import from it in the cage.
    """
    if getattr(sys, "frozen", False):
        own: Iterable[str] = (getattr(sys, "_MEIPASS", ""), sys.executable)
    else:
        libraries = (f"{prefix}/{name}" for prefix in (sys.prefix, sys.base_prefix) for name in ("lib", "lib64"))
        own = (*sys.path, *libraries, sys.executable)
    homes = _homes()
    return _existing([*(path for path in own if not _holds_one_of(homes, path)), *_SYSTEM])


def resolver_paths() -> tuple[str, ...]:
    """What the C library reads to look up a name, for a broker that does; every path exists.

    A file that is replaced by a new one of the same name can no longer be read, unless its folder is in the list.
    """
    return _existing(_RESOLVER)


def _existing(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that are absolute and there, each once, without those below an earlier one."""
    kept: list[Path] = []
    for path in map(Path, paths):
        if path.is_absolute() and path.exists() and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return tuple(map(str, kept))


def _homes() -> list[Path]:
    """This user's home by the environment and by the user database."""
    homes = [Path(os.environ.get("HOME", ""))]
    with suppress(KeyError):  # a user without an entry, as in many containers
        homes.append(Path(pwd.getpwuid(os.getuid()).pw_dir))
    return [home.resolve() for home in homes if home.is_absolute() and home != Path("/")]


def _holds_one_of(homes: Iterable[Path], path: str) -> bool:
    real = Path(path).resolve()
    return real == Path("/") or any(home.is_relative_to(real) for home in homes)
