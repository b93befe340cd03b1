"""How long the service waits for venues, and how often it asks."""

from __future__ import annotations

from datetime import timedelta

from msgspec import Struct


def _seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


class Patience(Struct, frozen=True, kw_only=True):
    """All waiting times of one core. The defaults are for real venues; tests are less patient."""

    call: timedelta = timedelta(seconds=10)
    """After this long without an answer to an order the outcome is unknown."""
    enquiry_delays: tuple[timedelta, ...] = _seconds(0.2, 1, 3, 10, 30, 60)
    """When to ask again about an order whose outcome is unknown; the last one repeats."""
    unseen_min: int = 3
    """How often in a row a venue must say that it never saw an order until that is proof: its word may lag behind."""
    absent_after: timedelta = timedelta(seconds=90)
    """How old an order must be besides, where nobody knows whether it was sent: what is still on its way is refused by
    then, for requests carry a time after which venues do not take them."""
    unresolved_after: timedelta = timedelta(minutes=10)
    """When a person is told that an outcome cannot be found out."""
    refresh_delays: tuple[timedelta, ...] = _seconds(0, 0.5, 2, 5, 15)
    """When to ask about an order whose reports do not fit together."""
    confirm_delay: timedelta = timedelta(seconds=2)
    """After an order ended short of its quantity: when to ask for fills that raced its end."""
    first_looks: tuple[timedelta, ...] = _seconds(0.3, 0.5, 1, 1, 2, 2, 4, 8)
    """Between looks at a venue that was never reconciled, most often because the first prices are on their way."""
    reconcile_every: timedelta = timedelta(seconds=15)
    unreachable_after: timedelta = timedelta(seconds=45)
    """How long a venue may go without a reconciliation before it is no longer fit for orders."""
    drift_seen_min: int = 3
    """Reconciliations in a row that must find the same difference of a balance: a venue's balances may lag behind."""
    sweep_delays: tuple[timedelta, ...] = _seconds(0.1, 0.3, 1, 2, 5)
    """Between two attempts to empty a venue; the last one repeats until nothing is open."""
    rights_every: timedelta = timedelta(hours=24)
    stream_pauses: tuple[timedelta, ...] = _seconds(0.1, 0.5, 2, 5, 15)
    """Before a stream of reports that ended is opened again; the last one repeats."""
    notice_pauses: tuple[timedelta, ...] = _seconds(1, 2, 5, 15, 30, 60, 120, 300)
    """Before a notice that was not taken is delivered again; after the last one it is given up."""
    notice_give_up_after: timedelta = timedelta(hours=1)
    """How long a service that asks for patience is waited for."""
    outside_look_every: timedelta = timedelta(seconds=1)
    """How often the watchdog process looks for the core's sign of life, and gives its own."""
    outside_check_every: timedelta = timedelta(seconds=60)
    """How often it tries whether it could empty each venue, and, while the core is silent, whether they are empty."""


AT_ONCE = Patience(absent_after=timedelta(0), drift_seen_min=1)
"""For a venue in this very process, whose word is our own."""
