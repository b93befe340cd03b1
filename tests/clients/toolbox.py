"""Other people's clients, installed once under a cache folder outside the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "readytrader-clients"
NODE_MIN = (22, 19)
NODE_PACKAGES = (
    "@modelcontextprotocol/sdk@1.32.2",
    "@modelcontextprotocol/inspector@2.12.0",
    # The release tagged latest knows nothing of the revision 2026-07-28.
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
)


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where the appliance under test is."""

    url: str
    token: str
    conformance_url: str
    """The same listener with the conformance suite's own fixtures mounted, and a token of its own inside."""
    env: dict[str, str]
    """With it, `python -m appliance mcp` finds the daemon."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "appliance", "mcp"]


def python_with(requirement: str) -> str:
    """An interpreter with exactly this requirement installed, apart from everything of ours."""
    folder = CACHE / re.sub(r"[^a-z0-9.]+", "-", requirement)
    done = folder / "installed"
    python = folder / "bin" / "python"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], check=True, timeout=600)
        done.touch()
    return str(python)


def node_environment() -> dict[str, str]:
    """An environment whose PATH has a node that is new enough, and the programs of `NODE_PACKAGES`."""
    folder = CACHE / "node"
    done = folder / re.sub(r"[^a-z0-9.]+", "-", "installed " + " ".join(NODE_PACKAGES))
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        packages = [*NODE_PACKAGES, *([] if _node_version() >= NODE_MIN else ["node@22"])]
        subprocess.run(
            ["npm", "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefix", str(folder), *packages],
            check=True,
            timeout=900,
        )
        done.touch()
    return {**os.environ, "PATH": f"{folder / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"}


def node_folder() -> Path:
    """Where a script must lie to import the packages."""
    node_environment()
    return CACHE / "node"


def _node_version() -> tuple[int, ...]:
    node = shutil.which("node")
    if node is None:
        return (0,)
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in text.strip().removeprefix("v").split(".")[:2])
