"""What an operator is answered, whichever door the question came through."""

from __future__ import annotations

from datetime import datetime

from appliance.domain.operators import Role
from appliance.transport.notice_results import NoticesStatus
from appliance.transport.tool_results import OrderView, View


class ScopeView(View, frozen=True, kw_only=True):
    """The trading state set for one scope."""

    scope: str
    state: str
    by: str
    reason: str
    since: datetime


class SourceHealth(View, frozen=True, kw_only=True):
    name: str
    admissible: bool
    accepted: int
    refused: int
    last_tick_at: datetime | None = None


class WorkerView(View, frozen=True, kw_only=True):
    """One plugin's worker. Texts of the worker's own are printable and capped, and not to be believed."""

    name: str
    plugin: str
    kind: str
    state: str
    pid: int | None = None
    restarts: int
    last_error: str | None = None
    cage_missing: tuple[str, ...] = ()
    """Measures of its cage that this kernel lacks, and why."""
    connections: int = 0
    """Opened through the egress broker."""
    connections_refused: int = 0
    refused_last: str | None = None
    """Where it last tried to go and must not."""


class DriftView(View, frozen=True, kw_only=True):
    """A balance that is not what the journal says."""

    expected: str
    found: str


class VenueView(View, frozen=True, kw_only=True):
    """One live venue."""

    venue: str
    fit: bool
    problem: str | None = None
    """Why nothing but cancels is sent there."""
    clock_skew_ms: int | None = None
    """How far its clock is ahead at the least, by what its answers prove; None where it was not told."""
    can_trade: bool | None = None
    can_withdraw: bool | None = None
    key_bound_to_addresses: bool | None = None
    key_expires_at: datetime | None = None
    risks_accepted: tuple[str, ...] = ()
    accepted_by: str | None = None
    drifts: tuple[DriftView, ...] = ()
    foreign_orders: tuple[str, ...] = ()
    """Open orders that nobody here sent."""
    dead_man_switch: str
    """armed, waiting (to be armed for the first time), failing, none (the venue has none) or off."""
    streaming: bool | None = None
    """Whether it tells of orders by itself just now; None where it cannot."""
    caveats: tuple[str, ...] = ()
    """What its plugin says that it cannot, and an operator must know."""
    emptying: bool = False
    """Whether everything there is being cancelled."""
    agreed_at: datetime | None = None
    """When it and the journal were last compared."""


class WatchdogView(View, frozen=True, kw_only=True):
    """The watchdog process."""

    state: str
    """alive, silent, stopped, or none: no such process was ever heard."""
    pid: int | None = None
    problems: tuple[str, ...] = ()
    """What it lacks to do its work."""


class VenuesView(View, frozen=True, kw_only=True):
    """Every live venue, and who watches over them from outside."""

    venues: tuple[VenueView, ...]
    watchdog: WatchdogView


class StatusView(View, frozen=True, kw_only=True):
    """How the appliance is."""

    version: str
    mode: str
    now: datetime
    started_at: datetime | None = None
    halted: bool
    states: tuple[ScopeView, ...] = ()
    journal_failure: str | None = None
    journal_entries: int
    checkpoint: str
    """The newest signed note, whole: worth keeping somewhere else."""
    approvals_pending: int
    orders_live: int
    agents: int
    equity: str | None = None
    sources: tuple[SourceHealth, ...] = ()
    workers: tuple[WorkerView, ...] = ()
    venues: tuple[VenueView, ...] = ()
    watchdog: WatchdogView
    notices: NoticesStatus = NoticesStatus()
    configuration_digest: str


class OperatorOrder(View, frozen=True, kw_only=True):
    agent: str
    approved_by: str | None = None
    order: OrderView


class AgentView(View, frozen=True, kw_only=True):
    name: str
    scopes: tuple[str, ...]
    symbols: tuple[str, ...] | None = None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    good: bool


class NewAgent(View, frozen=True, kw_only=True):
    """The token is shown this once."""

    name: str
    token: str


class Accepted(View, frozen=True, kw_only=True):
    """The assets of which the venue's balance is now the journal's too."""

    assets: tuple[str, ...]


class Halted(View, frozen=True, kw_only=True):
    orders_cancelled: int


class HoldingView(View, frozen=True, kw_only=True):
    total: str
    price: str | None = None
    value: str | None = None


class PortfolioView(View, frozen=True, kw_only=True):
    account: str
    holdings: tuple[HoldingView, ...]
    equity: str | None = None
    unpriced: tuple[str, ...] = ()
    nav: str | None = None
    nav_day_open: str | None = None
    nav_peak: str | None = None


class Exposition(View, frozen=True, kw_only=True):
    """Metrics as text."""

    content_type: str
    text: str


class SettingView(View, frozen=True, kw_only=True):
    """One setting as it is in force."""

    name: str
    value: str
    unit: str = ""
    origin: str
    """`default`, `profile NAME`, `FILE:LINE` or `env NAME`."""


class OperatorView(View, frozen=True, kw_only=True):
    """Somebody's account, without anything that proves who they are."""

    username: str
    role: Role
    uid: int | None = None
    """The Unix user that is this person."""
    totp: bool
    passkeys: int
    created_at: datetime
    disabled_at: datetime | None = None


class NewCodes(View, frozen=True, kw_only=True):
    """What an authenticator app is given; shown this once, and good once a code of it was shown."""

    secret: str
    uri: str


class Done(View, frozen=True, kw_only=True):
    """It is done, and there is nothing more to say."""
