"""The watchdog's life as a process: workers with credentials of their own, no journal, no doors."""

from __future__ import annotations

import asyncio

import msgspec
from readytrader_sdk.errors import Misconfigured
from readytrader_sdk.instruments import VenueId

from appliance.bootstrap.assembly import utc_now
from appliance.bootstrap.running import on_signal, open_plugins
from appliance.config import Configuration
from appliance.domain.snapshot import Mode
from appliance.durable import sole_holder
from appliance.home import Home, HomeRefused
from appliance.plugin_host.catalog import for_watchdog, worker_spec
from appliance.plugin_host.host import PluginHost
from appliance.plugin_host.remote import RemoteExchange, RemoteNotifier
from appliance.plugin_host.specs import WorkerSpec
from appliance.service.notices import Notices
from appliance.service.outside_watch import OutsideWatch
from appliance.service.patience import Patience
from appliance.service.sign_of_life import Listening, SignFile


async def run_watchdog(home: Home, configuration: Configuration, patience: Patience | None = None) -> None:
    """Watch over the core of a home until SIGTERM or SIGINT.

    Raises `Misconfigured` where there is nothing to watch over, `HomeRefused`, also where a watchdog runs already, and
    `CatalogError`.
    """
    if configuration.mode is not Mode.LIVE:
        raise Misconfigured("paper_mode: a watchdog is for real money; on paper nothing rests anywhere")
    home.prepare()
    try:
        with sole_holder(home.watchdog_lock):
            await _run(home, configuration, patience or Patience())
    except BlockingIOError as fault:
        raise HomeRefused(f"{home.watchdog_lock}: another watchdog runs in this home") from fault


async def _run(home: Home, configuration: Configuration, patience: Patience) -> None:
    stopped = on_signal()
    async with open_plugins(configuration) as plugins:
        plugins.add((*_exchanges(home, configuration), *_notifiers(home, configuration)))
        await plugins.start()
        notices = Notices(
            {one.name: RemoteNotifier(plugins[for_watchdog(one).name]) for one in configuration.notifiers},
            utc_now,
            patience,
            routes={one.name: one.route for one in configuration.notifiers},
        )
        notices.start()
        watching = asyncio.create_task(_watch(home, configuration, plugins, notices, patience).run(), name="watchdog")
        ended = asyncio.create_task(stopped.wait())
        await asyncio.wait({watching, ended}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if watching.done():
                watching.result()
        finally:
            for task in (watching, ended):
                task.cancel()
            await asyncio.gather(watching, ended, return_exceptions=True)
            await notices.aclose()


def _watch(
    home: Home, configuration: Configuration, plugins: PluginHost, notices: Notices, patience: Patience
) -> OutsideWatch:
    return OutsideWatch(
        Listening(SignFile(home.core_sign, utc_now)),
        SignFile(home.watchdog_sign, utc_now),
        {VenueId(one.venue): RemoteExchange(plugins[for_watchdog(one).name]) for one in configuration.live_exchanges},
        tuple(one.symbol for one in configuration.instruments),
        configuration.watchdog_after,
        notices,
        patience,
    )


def _exchanges(home: Home, configuration: Configuration) -> tuple[WorkerSpec, ...]:
    """One worker for each live venue. Without a permit key it can look and cancel, and nothing else."""
    return tuple(worker_spec(configuration, home, b"", for_watchdog(one)) for one in configuration.live_exchanges)


def _notifiers(home: Home, configuration: Configuration) -> tuple[WorkerSpec, ...]:
    """The operator's notifiers with the credentials that they have: what they are given is told, not traded."""
    return tuple(
        msgspec.structs.replace(
            worker_spec(configuration, home, b"", for_watchdog(one)), secrets_folder=str(home.secrets / one.name)
        )
        for one in configuration.notifiers
    )
