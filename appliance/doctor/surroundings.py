"""Checks of the host: its clock, what its memory may leave behind, its kernel's cage, and its ports."""

from __future__ import annotations

import ctypes
import ipaddress
import socket
from collections.abc import Iterator

from appliance.doctor.findings import Finding, fail, ok, skipped, warn
from appliance.doctor.host import Host
from appliance.plugin_host.cage import available

TIME_ERROR = 5
"""What adjtimex(2) returns while nothing synchronises the clock (TIME_ERROR, with STA_UNSYNC)."""
_TIMEX_BYTES = 256
"""More than a `struct timex` has anywhere."""
_LISTENING = "0A"
"""TCP_LISTEN, as /proc/net/tcp has it (proc(5))."""


def clock_state() -> int:
    """The kernel's word on its clock, or -1 where it says nothing. Reads only: `modes` is 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))


def clock(_host: Host) -> Iterator[Finding]:
    """Whether anything keeps the clock right: signatures, expiry and stale prices all hang on it."""
    state = clock_state()
    if state == TIME_ERROR:
        yield warn("nothing synchronises this host's clock", "install chrony or systemd-timesyncd")
    elif state < 0:
        yield skipped("the kernel does not say")
    else:
        yield ok("it is synchronised")


def core_dumps(host: Host) -> Iterator[Finding]:
    """Whether a crash of the daemon could write its memory, keys included, to a disk."""
    pid = _daemon_pid(host)
    limits = None if pid is None else host.read(f"proc/{pid}/limits")
    if limits is None:
        yield skipped("no daemon runs that could be looked at")
        return
    soft = next((line.split()[4] for line in limits.splitlines() if line.startswith("Max core file size")), "unknown")
    if soft != "0":
        yield fail(f"the daemon may dump core (limit {soft})", "start it with readytrader serve, which forbids that")
    else:
        yield ok("the daemon dumps none")


def _daemon_pid(host: Host) -> int | None:
    from appliance.service.sign_of_life import SignFile  # a small file, read as the watchdog reads it

    sign = SignFile(host.home.core_sign, lambda: host.now).read()
    return sign.pid if sign is not None and host.status is not None else None


def swap(host: Host) -> Iterator[Finding]:
    """Whether memory can end up on a disk that keeps it. In-memory swap (zram) does not."""
    text = host.read("proc/swaps")
    if text is None:
        yield skipped("the kernel does not say")
        return
    areas = [line.split()[0] for line in text.splitlines()[1:] if line.strip()]
    lasting = [area for area in areas if not area.startswith("/dev/zram")]
    if lasting:
        yield warn(f"memory may be written to {', '.join(lasting)}", "encrypt it, or turn swap off on this host")
    else:
        yield ok("no memory is written to a disk")


def cage(host: Host) -> Iterator[Finding]:
    """What this kernel has for the plugins' cage, and whether all that is required is there."""
    required = frozenset() if host.configuration is None else host.configuration.cage_required
    for measure, state in available().measures.items():
        if state == "on":
            continue
        if measure in required:
            yield fail(
                f"{measure}: {state}", "no plugin is loaded; a newer kernel, or plugins.cage_required without it"
            )
        else:
            yield warn(f"{measure}: {state}", "plugins run with one wall less; a newer kernel has it")
    yield ok(f"{len(required)} measures are required")


def listeners(host: Host) -> Iterator[Finding]:
    """Whether our ports are ours, and reached from this host alone."""
    configuration = host.configuration
    if configuration is None:
        yield skipped("the configuration cannot be used")
        return
    told = [("agents", configuration.agent_listener.host, configuration.agent_listener.port)]
    operators = configuration.operator_listener
    if operators.enabled:
        told.append(("operators", operators.host, operators.port))
    if len({port for _, _, port in told if port}) < len([port for _, _, port in told if port]):
        yield fail("agents and operators are given the same port", "change agent.http_port or operator_http.port")
    for who, address, port in told:
        setting = "agent.http_port" if who == "agents" else "operator_http.port"
        yield _listener(host, who, address, port, setting)


def _listener(host: Host, who: str, address: str, port: int, setting: str) -> Finding:
    if port == 0:
        return ok(f"{who}: a free port, which serve tells")
    if host.status is None:
        if _is_free(address, port):
            return ok(f"{who}: {address}:{port} is free")
        return fail(
            f"{who}: {address}:{port} is taken by another program", f"stop it (ss -tlnp shows it), or change {setting}"
        )
    elsewhere = [found for found in _listening_on(host, port) if not ipaddress.ip_address(found).is_loopback]
    if elsewhere:
        return fail(f"{who}: port {port} is open on {', '.join(elsewhere)}", "find out what listens there: ss -tlnp")
    return ok(f"{who}: {address}:{port}, from this host alone")


def _is_free(address: str, port: int) -> bool:
    """Whether it could be listened on now. A port that was left a moment ago counts as free, as it does for us."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _listening_on(host: Host, port: int) -> list[str]:
    """The addresses on which anything listens on this port (proc(5), /proc/net/tcp and tcp6)."""
    found = []
    for name in ("proc/net/tcp", "proc/net/tcp6"):
        for line in (host.read(name) or "").splitlines()[1:]:
            fields = line.split()
            address, _, hexadecimal = fields[1].rpartition(":")
            if fields[3] == _LISTENING and int(hexadecimal, 16) == port:
                found.append(_address(address))
    return found


def _address(hexadecimal: str) -> str:
    """Words of four bytes, each in the host's own order of bytes, which is little-endian wherever we run."""
    words = [bytes.fromhex(hexadecimal[at : at + 8])[::-1] for at in range(0, len(hexadecimal), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
