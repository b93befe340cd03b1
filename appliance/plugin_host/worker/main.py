"""A worker's whole life: verify, close the cage, load one plugin, serve it until the core is gone.

`run` is called by `readytrader plugin-host NAME --channel FD [--egress FD]`, and in the zygote's child. Nothing foreign
runs before the cage is closed, and nothing foreign is read but the plugin's verified bytes.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from readytrader_sdk.egress import HttpAllowance
from readytrader_sdk.errors import Unavailable
from readytrader_sdk.hooks import PluginContext

from appliance.plugin_host import cage
from appliance.plugin_host.frames import LinkBroken, open_link, read_frame, write_frame
from appliance.plugin_host.messages import FromWorker, Ready, Refused, Start, encode
from appliance.plugin_host.specs import Package, Wheels, WorkerSpec
from appliance.plugin_host.wheels.refusal import WheelRefused
from appliance.plugin_host.worker import loading, sockets
from appliance.plugin_host.worker.credentials import CredentialRefused, read_credentials
from appliance.plugin_host.worker.loading import LoadRefused
from appliance.plugin_host.worker.methods import prepared
from appliance.plugin_host.worker.output import Output, capture, where
from appliance.plugin_host.worker.sealing import sealed
from appliance.plugin_host.worker.serving import MALFORMED, Gates, Server
from appliance.plugin_host.worker.surroundings import SurroundingsRefused, detach, settle
from appliance.redaction import Redactor

if TYPE_CHECKING:
    from appliance.plugin_host.wheels.verified import VerifiedPlugin

REFUSED, LATER = 1, 75
"""Exit codes: the plugin was refused, and would be again; it may start later (sysexits.h, EX_TEMPFAIL)."""
REASON_MAX = 500

_REFUSALS = (CredentialRefused, WheelRefused, cage.CageRefused, SurroundingsRefused, LoadRefused)
_decode_start = msgspec.msgpack.Decoder(Start).decode


class _Caged(Struct, frozen=True, kw_only=True):
    """What the stages before loading have made."""

    secrets: Mapping[str, str]
    verified: VerifiedPlugin | None
    report: cage.CageReport


def main(arguments: list[str]) -> int:
    """The command line `NAME --channel FD [--egress FD]`; the exit code."""
    match arguments:
        case [name, "--channel", channel] if channel.isdecimal():
            return run(name, int(channel), None)
        case [name, "--channel", channel, "--egress", egress] if channel.isdecimal() and egress.isdecimal():
            return run(name, int(channel), int(egress))
        case _:
            return MALFORMED


def run(name: str, channel_fd: int, egress_fd: int | None) -> int:
    """Be the worker `name` on this channel; the exit code.

    The caller ends the process with it at once (`os._exit`): nothing of the plugin's runs after this. Raises `OSError`
    where the descriptors are none, or the process cannot be hardened.
    """
    detach({channel_fd} if egress_fd is None else {channel_fd, egress_fd})
    cage.harden()
    channel = socket.socket(fileno=channel_fd)
    try:
        spec = _decode_start(read_frame(channel)).spec
    except (LinkBroken, msgspec.MsgspecError, OSError, ValueError):
        return MALFORMED
    if spec.name != name:
        return _refused(channel, Output(Redactor()), f"started as {name}, asked to be {spec.name}")
    return _be(spec, channel, None if egress_fd is None else socket.socket(fileno=egress_fd))


def _be(spec: WorkerSpec, channel: socket.socket, egress: socket.socket | None) -> int:
    output = Output(Redactor())
    try:
        settle(spec.state_folder)
        secrets = read_credentials(spec.secrets_folder, spec.rights.secrets, spec.rights.optional_secrets)
        output = Output(Redactor(secrets.values()))
        verified = _verified(spec.package)
        report = cage.enter(
            cage.Profile.WORKER,
            read_paths=[*cage.runtime_paths(), *spec.rights.read_paths],
            write_paths=[spec.state_folder],
            required=spec.cage_required,
        )
        gates = _gates(spec)
    except CredentialRefused as error:
        return _refused(channel, output, f"{error} (readytrader plugin secret {spec.name})")
    except _REFUSALS as error:
        return _refused(channel, output, str(error))
    except Exception as error:  # noqa: BLE001 - whatever else goes wrong here, no plugin is loaded
        return _refused(channel, output, f"worker {spec.name}: it cannot start: {where(error)}")
    sockets.install(egress, _allowance(spec))
    loop = sockets.event_loop()
    asyncio.set_event_loop(loop)
    caged = _Caged(secrets=secrets, verified=verified, report=report)
    return loop.run_until_complete(_live(spec, channel, caged, output, gates))


async def _live(spec: WorkerSpec, channel: socket.socket, caged: _Caged, output: Output, gates: Gates | None) -> int:
    """Load, say so, and serve."""
    methods, server_of = prepared(spec.kind), sealed(Server)
    context = PluginContext(
        name=spec.name,
        settings=spec.settings,
        secrets=caged.secrets,
        logger=capture(output, spec.name),
        state_folder=Path(spec.state_folder),
        http=_allowance(spec),
    )
    try:
        if caged.verified is not None and (taken := caged.verified.taken_names()):
            output.say(logging.INFO, f"not from its wheels, but the appliance's own: {', '.join(taken)}")
        factory = loading.registered_class(spec, loading.import_entry(spec, caged.verified))
        port = loading.made(spec, factory, context)
        optional = loading.offered(spec, port)
        paper_only = loading.paper_name(spec, port)
        server = server_of(methods, port, optional, gates, output)
    except _REFUSALS as error:
        return _refused(channel, output, str(error))
    except Unavailable as error:
        output.say(logging.ERROR, f"it cannot start now: {error}")
        return _last_words(channel, output, LATER)
    except Exception as error:  # noqa: BLE001 - foreign objects were looked at, and may do anything
        return _refused(channel, output, f"plugin {spec.plugin}: looking at it failed: {where(error)}")
    link = await open_link(channel, server.take, server.closed)
    server.connect(link)
    output.attach(server.send)
    server.send(Ready(optional_methods=optional, cage=caged.report.measures, paper_only=paper_only))
    return await server.ended


def _verified(package: Package) -> VerifiedPlugin | None:
    """The plugin's wheels, read and verified; None for a built-in, which is a part of this program."""
    if not isinstance(package, Wheels):
        return None
    # Here alone, as below: a built-in notifier or source has no use for signatures.
    from appliance.plugin_host.wheels.verified import open_verified

    return open_verified(package)


def _gates(spec: WorkerSpec) -> Gates | None:
    """What makes the gate, ready before the plugin is there; None without a key to check permits with."""
    if not spec.permit_key:
        return None
    # Here alone: most workers move nothing, and cryptography costs them a tenth of a second and megabytes.
    from appliance.plugin_host.worker.permits import gates_of

    return gates_of(spec)


def _allowance(spec: WorkerSpec) -> HttpAllowance:
    return HttpAllowance(hosts=spec.rights.hosts, private_hosts=spec.rights.private_hosts)


def _refused(channel: socket.socket, output: Output, reason: str) -> int:
    return _last_words(channel, output, REFUSED, Refused(reason=output.fit(reason, REASON_MAX)))


def _last_words(channel: socket.socket, output: Output, code: int, *messages: FromWorker) -> int:
    """Send what was said until now, and these messages; the exit code."""
    try:
        for message in (*output.waiting(), *messages):
            write_frame(channel, encode(message))
    except OSError:
        return code  # the core is gone: nobody listens
    return code
