"""`readytrader plugin check NAME`: one instance, alone in its cage, held to what every good plugin keeps."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import click

from appliance.cli.context import EXIT_REFUSED, CommandLine, json_option
from appliance.cli.plugin_words import refuse, the_instance

if TYPE_CHECKING:
    from readytrader_sdk.conformance import Report, Subject
    from readytrader_sdk.instruments import Instrument
    from readytrader_sdk.market import Tick

    from appliance.plugin_host.remote import RemoteSource
    from appliance.plugin_host.specs import WorkerSpec
    from appliance.plugin_host.supervisor import Worker

START_S_MAX = 30.0
"""How long the worker may take until it is ready, with one death or two on the way."""


@click.command("check")
@click.argument("name")
@click.option(
    "--listen",
    "listen_s",
    type=click.IntRange(1, 600),
    default=5,
    show_default=True,
    metavar="SECONDS",
    help="How long each check of a data source waits for ticks.",
)
@json_option
@click.pass_obj
def check_command(line: CommandLine, name: str, listen_s: int, as_json: bool) -> None:
    """Start the instance NAME alone, caged and with its own hosts, and run the conformance checks that move nothing.

    It has its settings and its secrets, and an empty state folder. A notifier is sent about twenty test notices. Checks
    that move value are listed as not run: only the pipeline makes a permit. Exit code 1 when a promise is broken.
    """
    from msgspec.structs import replace

    from appliance.plugin_host.catalog import worker_spec

    configuration = line.configuration()
    line.home.prepare()
    spec = worker_spec(configuration, line.home, b"", the_instance(configuration, name))
    with tempfile.TemporaryDirectory(prefix=".check.", dir=line.home.plugin_state) as folder:
        try:
            report = asyncio.run(_checked(replace(spec, state_folder=folder), listen_s))
        except NotStarted as fault:
            refuse(f"{name}: {fault}")
    click.echo(report.as_json() if as_json else report.text())
    if not report.passed:
        sys.exit(EXIT_REFUSED)


class NotStarted(Exception):
    """The worker did not come up. The message says why."""


async def _checked(spec: WorkerSpec, listen_s: int) -> Report:
    from readytrader_sdk.conformance import Kind, run

    async with _running(spec) as worker:
        return await run(Kind(spec.kind.value), _subject(worker, listen_s))


@asynccontextmanager
async def _running(spec: WorkerSpec) -> AsyncIterator[Worker]:
    """The worker, ready; all its processes are gone afterwards."""
    from appliance.plugin_host.egress.control import Egress, EgressDown
    from appliance.plugin_host.launcher import Launcher
    from appliance.plugin_host.supervisor import Workers

    has_hosts = bool(spec.rights.hosts or spec.rights.private_hosts)
    egress = Egress(cage_required=spec.cage_required) if has_hosts else None
    workers = Workers(Launcher(), egress, lambda: datetime.now(UTC))
    try:
        if egress is not None:
            await egress.start()
        await workers.start([spec])
        yield await _ready(workers[spec.name])
    except EgressDown as fault:
        raise NotStarted(str(fault)) from fault
    finally:
        await workers.aclose()
        if egress is not None:
            await egress.aclose()


async def _ready(worker: Worker) -> Worker:
    """The worker, once it can be called. One that says that it cannot work raises `Misconfigured`."""
    try:
        async with asyncio.timeout(START_S_MAX):
            await worker.up()
    except TimeoutError as fault:
        told = worker.health().last_error or "it said nothing"
        raise NotStarted(f"not ready within {START_S_MAX:g} s: {told}") from fault
    return worker


def _subject(worker: Worker, listen_s: int) -> Subject:
    """What is put to the checks: the worker, as the core sees it."""
    from readytrader_sdk import conformance
    from readytrader_sdk.instruments import VenueId
    from readytrader_sdk.ports import RouterPort, SignerPort

    from appliance.plugin_host import remote
    from appliance.plugin_host.kinds import Kind

    match worker.spec.kind:
        case Kind.EXCHANGE:
            exchange = remote.RemoteExchange(worker).reads
            return conformance.ExchangeSubject(exchange=exchange, venue=VenueId(worker.spec.venue))
        case Kind.DATA_SOURCE:
            return conformance.SourceSubject(
                make_source=lambda: _source(remote.RemoteSource(worker)), listen_s=listen_s
            )
        case Kind.SIGNER:
            # It has no method that signs: the checks that would ask for one are not run.
            return conformance.SignerSubject(signer=cast(SignerPort, remote.RemoteSigner(worker)))
        case Kind.ROUTER:
            return conformance.RouterSubject(router=cast(RouterPort, remote.RemoteRouter(worker)))
        case Kind.NOTIFIER:
            return conformance.NotifierSubject(notifier=remote.RemoteNotifier(worker))


class _Source:
    """A data source in a worker, tick by tick."""

    def __init__(self, source: RemoteSource) -> None:
        self._source = source

    async def instruments(self) -> Sequence[Instrument]:
        """As `DataSourcePort`."""
        return await self._source.instruments()

    async def stream(self) -> AsyncIterator[Tick]:
        """As `DataSourcePort`."""
        async for batch in self._source.batches():
            for tick in batch:
                yield tick


class _PaperSource(_Source):
    """One that says that its prices are no market's of now."""

    @property
    def paper_only(self) -> str:
        """As `RemoteSource`."""
        return self._source.paper_only


def _source(source: RemoteSource) -> _Source:
    return _PaperSource(source) if source.paper_only else _Source(source)
