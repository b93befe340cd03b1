"""The program's entry. `readytrader mcp` beside a running daemon is a pump between pipes: it loads nothing else.

The processes of plugins are started here too, by the core: workers, the zygote that forks them, and the egress broker.
They load nothing of the command line, and end without running anything more of what a plugin may have left behind.
"""

from __future__ import annotations

import os
import sys

BROKEN_BUILD = 3
"""The exit code of a build that lost a part; as for an unusable home."""


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
    from appliance import selftest

    try:
        selftest.quick()
    except selftest.BrokenBuild as fault:
        sys.stderr.write(f"readytrader: {fault}\n")
        return BROKEN_BUILD
    match arguments:
        case ["plugin-host", "--zygote", channel]:
            from appliance.plugin_host import zygote

            return zygote.serve(int(channel))
        case ["plugin-host", *rest] if "--channel" in rest:
            from appliance.plugin_host.worker import main as worker

            os._exit(worker.main(rest))
        case ["egress-broker", "--control", control]:
            from appliance.plugin_host.egress import broker

            return broker.run(int(control))
    from appliance.cli.main import run

    return run()


def _bridge() -> int | None:
    """Bridge to the daemon's socket, or None when no daemon listens. Paths as `appliance.home` has them."""
    from appliance.transport import bridge

    root = os.environ.get("READYTRADER_HOME") or os.path.join(os.path.expanduser("~"), ".readytrader")  # noqa: PTH118, PTH111
    return bridge.pump_to(os.path.join(root, "run", "agent.sock"), os.environ.get("READYTRADER_AGENT_TOKEN"))  # noqa: PTH118


if __name__ == "__main__":
    sys.exit(main())
