"""The configuration as the rest of the appliance reads it: typed, frozen, every value with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct
from readytrader_sdk.instruments import Instrument

from appliance.domain.key_risk import KeyRisk
from appliance.domain.limits import Limits
from appliance.domain.notices import Route
from appliance.domain.snapshot import Mode
from appliance.plugin_host.cage import Measure
from appliance.plugin_host.entries import InstalledPlugin, Instance
from appliance.plugin_host.kinds import Kind
from appliance.telemetry.logs import LogForm, LogLevel


class RiskProfile(StrEnum):
    """A named set of defaults for the limits; any one of them may be set on its own."""

    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


class ExecutionMode(StrEnum):
    """Where orders may go."""

    AUTO = "auto"
    """Wherever this version can."""
    CEX = "cex"
    DEX = "dex"
    HYBRID = "hybrid"


class OriginKind(StrEnum):
    DEFAULT = "default"
    PROFILE = "profile"
    FILE = "file"
    ENVIRONMENT = "env"


class Origin(Struct, frozen=True, kw_only=True):
    """Where a value came from. `str()` is `default`, `profile NAME`, `FILE:LINE` or `env NAME`."""

    kind: OriginKind
    detail: str = ""

    def __str__(self) -> str:
        if self.kind is OriginKind.FILE:
            return self.detail
        return f"{self.kind} {self.detail}".rstrip()


class Effective(Struct, frozen=True, kw_only=True):
    """One setting as it is in force, to be shown to people."""

    setting: str
    value: str
    unit: str
    origin: Origin


class RateLimits(Struct, frozen=True, kw_only=True):
    """Calls per minute and per agent."""

    default_per_min: int
    """For calls that only look; cancels have as many of their own, so that nobody is trapped."""
    execution_per_min: int
    """For orders; amendments have as many of their own."""
    tool_per_min: dict[str, int]
    """A further bound on single tools, by name."""


class MarketDataRules(Struct, frozen=True, kw_only=True):
    """What the market-data bus holds sources to, beside `Limits.quote_age_max` and `Limits.clock_skew_max`."""

    outlier_max_pct: Decimal
    outlier_window: timedelta
    agree_max_pct: Decimal
    """Two sources agree when their mid prices are no further apart."""
    source_age_max: dict[str, timedelta]
    """By source name; never longer than `Limits.quote_age_max`."""


class PaperTerms(Struct, frozen=True, kw_only=True):
    """On what terms paper orders trade. Fees are percent of notional."""

    maker_fee_pct: Decimal
    taker_fee_pct: Decimal
    latency: timedelta
    """From the arrival of an order or a cancel to its effect."""
    fill_share_max_pct: Decimal
    """The most of each displayed size that all orders together can have."""


class Listener(Struct, frozen=True, kw_only=True):
    """A TCP address, always on the loopback interface."""

    host: str
    port: int


class OperatorListener(Listener, frozen=True, kw_only=True):
    """Where operators come in over HTTP, and for how long."""

    enabled: bool
    session_max: timedelta
    """How long a sign-in lasts."""
    metrics_open: bool
    """Whether anybody on this host may scrape `/metrics`."""
    calls_per_min: int
    """Of one account, or of one address without one."""


class Source(Instance, frozen=True, kw_only=True):
    """One market-data source."""

    kind: Kind = Kind.DATA_SOURCE
    priority: int
    """0 (stream) is preferred to 1 (ingested) and 2 (polled)."""


class Exchange(Instance, frozen=True, kw_only=True):
    """One exchange and on which terms it may be traded on."""

    kind: Kind = Kind.EXCHANGE
    live: bool = False
    """Whether real orders may go to it, in live mode."""
    cancel_after: timedelta | None = None
    """How long its dead-man's switch waits for a sign of life; None leaves it off."""
    key_risks_accepted: frozenset[KeyRisk] = frozenset()
    key_risks_accepted_by: str = ""
    """Who took these risks; never empty where there are any."""


class Notifier(Instance, frozen=True, kw_only=True):
    """One way to tell people, and what it is used for."""

    kind: Kind = Kind.NOTIFIER
    route: Route = Route()


class LogTerms(Struct, frozen=True, kw_only=True):
    """How the log on standard error is."""

    form: LogForm
    level: LogLevel


class TracingTerms(Struct, frozen=True, kw_only=True):
    """Whether and where traces of requests are sent."""

    enabled: bool
    service_name: str
    endpoint: str
    """The URL of an OTLP collector, without `/v1/traces`."""
    hosts: frozenset[str]
    """Collectors beyond this host that it may be: `host:port`."""


class Configuration(Struct, frozen=True, kw_only=True):
    """Everything that the operator decided, checked as a whole."""

    mode: Mode
    live_trading_enabled: bool
    trading_halted: bool
    """Start halted; a halt made while running is the journal's, not this."""
    execution_mode: ExecutionMode
    risk_profile: RiskProfile
    limits: Limits
    rate_limits: RateLimits
    market_data: MarketDataRules
    sentiment_source: str | None
    """The source whose score the falling-knife rule reads; None where the rule is off."""
    paper: PaperTerms
    watchdog_after: timedelta
    """How long the core may be silent until the watchdog process cancels everything."""
    agent_listener: Listener
    operator_listener: OperatorListener
    log: LogTerms
    tracing: TracingTerms
    equity_every: timedelta
    """How often the account's worth is written down."""
    daily_summary: bool
    """Whether the notifiers are told of each day."""
    insight_tools: bool
    """Whether agents are offered the tools of insights and strategies."""
    sources: tuple[Source, ...]
    exchanges: tuple[Exchange, ...]
    routers: tuple[Instance, ...]
    signers: tuple[Instance, ...]
    notifiers: tuple[Notifier, ...]
    plugins: tuple[InstalledPlugin, ...]
    """The catalog of third parties' plugins."""
    cage_required: frozenset[Measure]
    """Measures of the cage without which no plugin is loaded."""
    instruments: tuple[Instrument, ...]
    effective: tuple[Effective, ...] = ()
    """Every setting as text with its unit and origin, in the order of the registry."""
    digest: str = ""
    """SHA-256 (hex) of the canonical JSON of all the above but `effective`: the same decisions, the same digest."""

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Every worker to be, of whatever kind."""
        return (*self.sources, *self.exchanges, *self.routers, *self.signers, *self.notifiers)

    @property
    def live_exchanges(self) -> tuple[Exchange, ...]:
        """Where real orders may go, in live mode."""
        return tuple(exchange for exchange in self.exchanges if exchange.live)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where each setting came from, by its key (`limits.position_max_pct`, `source.NAME`, `plugin.NAME`, ...)."""
        return {row.setting: row.origin for row in self.effective}
