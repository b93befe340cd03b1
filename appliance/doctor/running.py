"""Checks of what the running daemon says of itself. Without one, there is nothing to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import wraps

from appliance.doctor.findings import Finding, Look, fail, ok, skipped, warn
from appliance.doctor.host import Host
from appliance.domain.snapshot import Mode
from appliance.transport.operator_results import StatusView

QUIET_MAX = timedelta(minutes=1)
"""A source that sent nothing for longer is not much of one."""
KEY_ENDS_SOON = timedelta(days=14)


def _asks(look: Callable[[Host, StatusView], Iterable[Finding]]) -> Look:
    """A check that needs the daemon's word."""

    @wraps(look)
    def looked(host: Host) -> Iterable[Finding]:
        status = host.status
        return (skipped("no daemon answers"),) if status is None else look(host, status)

    return looked


def daemon(host: Host) -> Iterator[Finding]:
    """Whether it runs and answers."""
    status = host.status
    if status is not None:
        yield ok(f"version {status.version} serves {status.mode} trading")
    elif host.home.operator_socket.exists():
        yield fail(host.word.silence, "look at its log; readytrader halt works all the same; then start it again")
    else:
        yield warn("no daemon runs", "readytrader serve")


@_asks
def configuration_in_force(host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether the daemon runs with the file as it is now."""
    if host.configuration is None:
        yield skipped("the file cannot be used; the daemon goes on with what it has read")
    elif host.configuration.digest != status.configuration_digest:
        yield warn("the daemon runs with another configuration than the file has now", "restart it to take it up")
    else:
        yield ok("the daemon runs with it")


@_asks
def trading(_host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether anything was stopped, by people or by a rule."""
    narrowed = [it for it in status.states if it.state != "active"]
    for it in narrowed:
        advice = f"look why; readytrader resume --scope {it.scope} loosens it"
        yield warn(f"{it.scope} is {it.state} by {it.by}: {it.reason}", advice)
    if status.halted and not narrowed:
        yield warn("trading is halted", "look why; readytrader resume loosens it")
    if not status.halted and not narrowed:
        yield ok("nothing is narrowed")


@_asks
def journal_writable(_host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether the daemon can still write."""
    if status.journal_failure is not None:
        yield fail(
            f"nothing can be written, so nothing is sent: {status.journal_failure}",
            "make room or mend the disk, then restart the daemon",
        )
    else:
        yield ok(f"{status.journal_entries} entries")


@_asks
def venue_clocks(host: Host, status: StatusView) -> Iterator[Finding]:
    """How far each venue's clock is from ours, against the limit."""
    configuration = host.configuration
    known = [(venue.venue, venue.clock_skew_ms) for venue in status.venues if venue.clock_skew_ms is not None]
    if configuration is None or not known:
        yield skipped("no venue tells its time")
        return
    skew_max = configuration.limits.clock_skew_max
    for venue, skew_ms in known:
        allowed_ms = skew_max // timedelta(milliseconds=1)
        text = f"{venue}'s clock is {skew_ms} ms ahead of ours, at most {allowed_ms} are allowed"
        if abs(timedelta(milliseconds=skew_ms)) > skew_max:
            yield fail(text, "let an NTP service set this host's clock")
        else:
            yield ok(text)


@_asks
def workers(_host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether every plugin's worker is up."""
    for worker in status.workers:
        said = f": {worker.last_error}" if worker.last_error else ""
        if worker.state == "failed":
            yield fail(f"{worker.name} does not work as it is set up{said}", f"readytrader plugin check {worker.name}")
        elif worker.state != "ready":
            yield warn(f"{worker.name} is {worker.state}{said}", "it is started again; look at the log if that repeats")
        else:
            yield ok(f"{worker.name} is ready")


@_asks
def sources(_host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether each of the operator's sources sends anything."""
    for source in status.sources:
        if not source.admissible:
            continue
        if source.last_tick_at is None:
            yield warn(f"{source.name} has never sent anything", "look at its worker and at its hosts")
        elif status.now - source.last_tick_at > QUIET_MAX:
            quiet = (status.now - source.last_tick_at) // timedelta(seconds=1)
            yield warn(
                f"{source.name} has sent nothing for {quiet} s", "look at its worker; without quotes nothing trades"
            )
        else:
            yield ok(f"{source.name}: {source.accepted} ticks, {source.refused} refused")


@_asks
def venues(_host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether each live venue is sent orders."""
    for venue in status.venues:
        if venue.fit:
            yield ok(f"{venue.venue} is fit")
        else:
            yield fail(f"{venue.venue} gets cancels alone: {venue.problem}", "readytrader venue list says more")
        if venue.drifts or venue.foreign_orders:
            yield warn(
                f"{venue.venue}: {len(venue.drifts)} balances differ, {len(venue.foreign_orders)} orders are foreign",
                "readytrader venue list; find who else has a key",
            )
        for caveat in venue.caveats:
            yield warn(f"{venue.venue}: {caveat}", "trade there only what can bear it, or elsewhere")


@_asks
def venue_keys(_host: Host, status: StatusView) -> Iterator[Finding]:
    """What each venue's key may do beyond trading, and how long it lasts."""
    for venue in status.venues:
        if venue.can_withdraw is None:
            yield warn(f"{venue.venue} does not tell what its key may do", "look at the venue's own page of keys")
        elif venue.can_withdraw:
            yield fail(f"{venue.venue}'s key can withdraw", "make one that cannot, and replace it")
        else:
            yield ok(f"{venue.venue}'s key cannot withdraw")
        if venue.key_bound_to_addresses is False:
            yield warn(f"{venue.venue}'s key works from anywhere", "bind it to this host's address at the venue")
        if venue.key_expires_at is not None and venue.key_expires_at - status.now < KEY_ENDS_SOON:
            yield warn(f"{venue.venue}'s key ends at {venue.key_expires_at:%Y-%m-%d}", "make a new one before that")


def notifiers(host: Host) -> Iterator[Finding]:
    """Whether there is anybody to tell."""
    if host.configuration is None:
        yield skipped("the configuration cannot be used")
    elif host.configuration.notifiers:
        yield ok(f"{len(host.configuration.notifiers)} configured")
    else:
        yield warn("nobody is told of anything that happens", "add a [[notifier]]")


@_asks
def deliveries(_host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether what is told arrives."""
    for notifier in status.notices.notifiers:
        if notifier.problem is not None:
            yield warn(f"{notifier.name}: {notifier.problem}", "look at its service; notices wait and are tried again")
        else:
            yield ok(f"{notifier.name}: {notifier.waiting} wait")
    if status.notices.failed:
        text = f"{status.notices.failed} notices were given up and nobody has read them"
        yield warn(text, "readytrader notices list --failed")


@_asks
def watchdog(host: Host, status: StatusView) -> Iterator[Finding]:
    """Whether somebody outside the core would cancel for it."""
    if status.mode != Mode.LIVE:
        yield skipped("paper trading needs none")
    elif status.watchdog.state != "alive":
        yield fail(f"the watchdog is {status.watchdog.state}", "start readytrader watchdog, a process of its own")
    else:
        for problem in status.watchdog.problems:
            yield warn(f"the watchdog cannot do all of its work: {problem}", "readytrader venue list says more")
        if not status.watchdog.problems:
            yield ok(f"it watches over {host.home.root}")
