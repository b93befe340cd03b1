"""The verbs for live venues: how each is, and a person's word that its balances are right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from appliance.cli.asking import ask, print_json
from appliance.cli.context import CommandLine, Verbs, json_option
from appliance.cli.tables import print_table

if TYPE_CHECKING:
    from appliance.transport.operator_results import VenueView, WatchdogView

_STREAMS = {True: "alive", False: "down", None: "none"}


@click.group("venue", cls=Verbs)
def venue_group() -> None:
    """Live venues: where real orders go."""


@venue_group.command("list")
@json_option
@click.pass_obj
def list_venues(line: CommandLine, as_json: bool) -> None:
    """Each live venue: fit or why not, clock, key, balances, strange orders, dead-man's switch; and the watchdog."""
    known = ask(line, lambda client: client.venues())
    if as_json:
        print_json(known)
        return
    if not known.venues:
        click.echo("no live venue: this is paper trading, or nothing is configured with live = true")
        return
    headings = ("venue", "state", "clock", "key", "balances", "foreign orders", "switch", "stream", "agreed")
    print_table(headings, [_row(venue) for venue in known.venues])
    for venue in known.venues:
        for drift in venue.drifts:
            click.echo(f"{venue.venue}: the journal says {drift.expected}, the venue {drift.found}")
        for order in venue.foreign_orders:
            click.echo(f"{venue.venue}: nobody here sent {order}")
        for caveat in venue.caveats:
            click.echo(f"{venue.venue}: {caveat}")
    click.echo(f"watchdog: {watchdog_line(known.watchdog)}")


@venue_group.command("accept")
@click.argument("name")
@click.option("--reason", required=True, help="Why the venue is right; goes into the journal.")
@click.pass_obj
def accept_command(line: CommandLine, name: str, reason: str) -> None:
    """Take the balances of venue NAME for right where they differ: the journal follows, as money put in or taken out.

    Loosens nothing: `resume --scope venue:NAME` does.
    """
    assets = ask(line, lambda client: client.accept_drift(name, reason))
    click.echo(f"the journal follows {name} in {', '.join(assets)}")


def venue_line(venue: VenueView) -> str:
    """One venue in one line: fit or not, and what an operator should know of it."""
    parts = [f"{venue.venue}: {_state(venue)}"]
    if venue.drifts:
        parts.append(f"balances that differ: {len(venue.drifts)}")
    if venue.foreign_orders:
        parts.append(f"foreign orders: {len(venue.foreign_orders)}")
    if venue.caveats:
        parts.append(f"caveats: {len(venue.caveats)}, see `venue list`")
    if venue.dead_man_switch == "failing":
        parts.append("its dead-man's switch is not armed")
    return ", ".join(parts)


def watchdog_line(watchdog: WatchdogView) -> str:
    """The watchdog process in one line."""
    if watchdog.state == "none":
        return click.style("none", fg="yellow") + ": nobody empties the venues should this process die"
    state = click.style(watchdog.state, fg="green" if watchdog.state == "alive" else "yellow")
    return "; ".join([f"{state}, pid {watchdog.pid}", *watchdog.problems])


def _state(venue: VenueView) -> str:
    state = click.style("fit", fg="green") if venue.fit else click.style(f"not fit: {venue.problem}", fg="yellow")
    return f"{state}, being emptied" if venue.emptying else state


def _row(venue: VenueView) -> tuple[str, ...]:
    return (
        venue.venue,
        ("fit" if venue.fit else f"not fit: {venue.problem}") + (", being emptied" if venue.emptying else ""),
        "not told" if venue.clock_skew_ms is None else f"{venue.clock_skew_ms:+d} ms",
        _key(venue),
        f"{len(venue.drifts)} differ" if venue.drifts else "agree",
        str(len(venue.foreign_orders)),
        venue.dead_man_switch,
        _STREAMS[venue.streaming],
        "never" if venue.agreed_at is None else f"{venue.agreed_at:%H:%M:%S} UTC",
    )


def _key(venue: VenueView) -> str:
    """What the key may do, in few words."""
    words = {True: "can withdraw", False: "cannot withdraw", None: "rights not told"}
    parts = [words[venue.can_withdraw]]
    if venue.can_trade is False:
        parts.append("cannot trade")
    if venue.key_bound_to_addresses:
        parts.append("bound to addresses")
    if venue.key_expires_at is not None:
        parts.append(f"until {venue.key_expires_at:%Y-%m-%d}")
    if venue.risks_accepted:
        parts.append(f"{', '.join(venue.risks_accepted)} accepted by {venue.accepted_by}")
    return ", ".join(parts)
