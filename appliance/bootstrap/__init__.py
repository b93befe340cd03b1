"""Puts the appliance together. The only place that knows every class; it decides nothing.

The agents' doors are imported where they are opened: the MCP library takes a second, which verbs of the operator that
work without a daemon need not wait for.
"""

from appliance.bootstrap.assembly import build, utc_now
from appliance.bootstrap.on_disk import checkpoint_key, load_state, open_journal, restore_paper
from appliance.bootstrap.running import Door, Ports, offline_core, run_child, run_daemon
from appliance.bootstrap.watching import run_watchdog

__all__ = [
    "Door",
    "Ports",
    "build",
    "checkpoint_key",
    "load_state",
    "offline_core",
    "open_journal",
    "restore_paper",
    "run_child",
    "run_daemon",
    "run_watchdog",
    "utc_now",
]
