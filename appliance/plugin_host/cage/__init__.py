"""The cage: what the kernel keeps a plugin's process from, whatever code runs in it. See the folder's README."""

from appliance.plugin_host.cage.entering import available, enter, harden
from appliance.plugin_host.cage.measures import CageRefused, CageReport, Measure, Profile
from appliance.plugin_host.cage.paths import resolver_paths, runtime_paths

__all__ = [
    "CageRefused",
    "CageReport",
    "Measure",
    "Profile",
    "available",
    "enter",
    "harden",
    "resolver_paths",
    "runtime_paths",
]
