"""The program's entry. `readytrader mcp` beside a running daemon is a pump between pipes: it loads nothing else."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command line; the exit code."""
    arguments = sys.argv[1:]
    if arguments in (["version"], ["--version"]):
        from appliance import __version__

        sys.stdout.write(f"readytrader {__version__}\n")
        return 0
    if arguments == ["mcp"]:
        code = _bridge()
        if code is not None:
            return code
    from appliance.cli.main import run

    return run()


def _bridge() -> int | None:
    """Bridge to the daemon's socket, or None when no daemon listens. Paths as `appliance.home` has them."""
    from appliance.transport import bridge

    root = os.environ.get("READYTRADER_HOME") or os.path.join(os.path.expanduser("~"), ".readytrader")  # noqa: PTH118, PTH111
    return bridge.pump_to(os.path.join(root, "run", "agent.sock"), os.environ.get("READYTRADER_AGENT_TOKEN"))  # noqa: PTH118


if __name__ == "__main__":
    sys.exit(main())
