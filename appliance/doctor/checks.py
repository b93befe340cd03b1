"""Every check, in the order in which they are told."""

from __future__ import annotations

from appliance.doctor import files, running, storage, surroundings
from appliance.doctor.findings import Check

CHECKS: tuple[Check, ...] = (
    Check(section="configuration", name="file", look=files.configuration),
    Check(section="configuration", name="in force", look=running.configuration_in_force),
    Check(section="daemon", name="answers", look=running.daemon),
    Check(section="daemon", name="trading", look=running.trading),
    Check(section="clock", name="synchronised", look=surroundings.clock),
    Check(section="clock", name="venues", look=running.venue_clocks),
    Check(section="clock", name="journal", look=storage.clock_of_journal),
    Check(section="storage", name="space", look=storage.space),
    Check(section="storage", name="file system", look=storage.file_system),
    Check(section="storage", name="fsync", look=storage.fsync),
    Check(section="journal", name="verified", look=storage.journal),
    Check(section="journal", name="writable", look=running.journal_writable),
    Check(section="files", name="folders", look=files.folders),
    Check(section="files", name="keys", look=files.keys),
    Check(section="files", name="sockets", look=files.sockets),
    Check(section="secrets", name="environment", look=files.environment),
    Check(section="secrets", name="core dumps", look=surroundings.core_dumps),
    Check(section="secrets", name="swap", look=surroundings.swap),
    Check(section="plugins", name="files", look=files.plugins),
    Check(section="plugins", name="cage", look=surroundings.cage),
    Check(section="plugins", name="workers", look=running.workers),
    Check(section="market data", name="sources", look=running.sources),
    Check(section="venues", name="fit", look=running.venues),
    Check(section="venues", name="keys", look=running.venue_keys),
    Check(section="listeners", name="addresses", look=surroundings.listeners),
    Check(section="operators", name="accounts", look=files.accounts),
    Check(section="operators", name="second factor", look=files.second_factors),
    Check(section="notifiers", name="configured", look=running.notifiers),
    Check(section="notifiers", name="delivery", look=running.deliveries),
    Check(section="watchdog", name="alive", look=running.watchdog),
)
