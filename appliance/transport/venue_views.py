"""Live venues and the watchdog process, as an operator sees them."""

from __future__ import annotations

from datetime import timedelta

from appliance.service.core import Core
from appliance.service.sign_of_life import Life, Listening
from appliance.service.venue_health import VenueHealth
from appliance.transport import operator_results as results
from appliance.transport.amounts import amount_text
from appliance.transport.foreign_text import printable

ALIVE_S_MAX = 10.0
"""A watchdog process that was not heard for longer does not watch: it gives a sign every second."""

CAVEATS_MAX = 8


def venues_view(core: Core) -> results.VenuesView:
    """Every live venue, and who watches over them from outside."""
    return results.VenuesView(venues=venue_views(core), watchdog=watchdog_view(core.outside))


def venue_views(core: Core) -> tuple[results.VenueView, ...]:
    """Every live venue; none on paper."""
    emptying = core.stopping.under_way
    return tuple(_venue_view(one.health(), is_emptying=one.line.venue_id in emptying) for one in core.venues)


def _venue_view(health: VenueHealth, *, is_emptying: bool) -> results.VenueView:
    rights = health.rights
    return results.VenueView(
        venue=health.venue,
        fit=health.problem is None,
        problem=None if health.problem is None else printable(health.problem, 300),
        clock_skew_ms=None if health.clock_skew is None else health.clock_skew // timedelta(milliseconds=1),
        can_trade=None if rights is None else rights.can_trade,
        can_withdraw=None if rights is None else rights.can_withdraw,
        key_bound_to_addresses=None if rights is None else rights.is_bound_to_addresses,
        key_expires_at=None if rights is None else rights.expires_at,
        risks_accepted=health.risks_accepted,
        accepted_by=health.accepted_by or None,
        drifts=tuple(
            results.DriftView(
                expected=amount_text(drift.expected, drift.asset), found=amount_text(drift.found, drift.asset)
            )
            for drift in health.drifts
        ),
        foreign_orders=tuple(printable(order, 64) for order in health.foreign_orders),
        dead_man_switch=health.switch,
        streaming=health.is_streaming,
        caveats=tuple(printable(caveat, 300) for caveat in health.caveats[:CAVEATS_MAX]),
        emptying=is_emptying,
        agreed_at=health.agreed_at,
    )


def watchdog_view(outside: Listening) -> results.WatchdogView:
    """Whether somebody outside the core would empty the venues for it."""
    sign = outside.look()
    if sign is None:
        return results.WatchdogView(state="none")
    if sign.life is Life.STOPPED:
        return results.WatchdogView(state="stopped", pid=sign.pid)
    state = "alive" if outside.has_heard and outside.silent_s <= ALIVE_S_MAX else "silent"
    return results.WatchdogView(state=state, pid=sign.pid, problems=tuple(printable(one, 200) for one in sign.problems))
