"""The registry: every setting once, with its names, form, unit, defaults and where they come from.

Reading, `config show`, the template and the manual's table are all made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Generic, TypeVar

from msgspec import Struct
from readytrader_sdk.instruments import Asset, MarketType

from appliance.config import forms
from appliance.config.forms import HOUR, MILLISECOND, SECOND, Form
from appliance.config.values import ExecutionMode, RiskProfile
from appliance.domain.limits import ApprovalMode
from appliance.plugin_host.cage import Measure
from appliance.telemetry.logs import LogForm, LogLevel

T = TypeVar("T")

SEED = "as in earlier versions"
"""Basis of a default that users of this system already know."""


class Setting(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """One setting. `key` is its path in the file; `environment` the variable that goes before the file."""

    key: str
    environment: str
    form: Form[T]
    defaults: Mapping[RiskProfile, T]
    unit: str
    doc: str
    """What it does, in one line."""
    basis: str
    """Why the default is what it is."""

    def default(self, profile: RiskProfile) -> T:
        """The value where neither the file nor the environment has one."""
        return self.defaults[profile]

    @property
    def varies(self) -> bool:
        """Whether the risk profile sets the default."""
        return len({self.form.text(value) for value in self.defaults.values()}) > 1


class Family(Struct, Generic[T], frozen=True, kw_only=True, eq=False):
    """Settings of one shape, one per member: a table in the file, one variable each in the environment."""

    key: str
    environment: str
    """With the member in angle brackets, e.g. `MAX_TRADE_AMOUNT_<TOKEN>`."""
    member: Form[Any]
    upper: bool
    """Whether members are in capitals; else the variable's part is lowered."""
    form: Form[T]
    unit: str
    doc: str
    basis: str

    @property
    def affixes(self) -> tuple[str, str]:
        """What stands before and after the member in a variable's name."""
        prefix, _, rest = self.environment.partition("<")
        return prefix, rest.partition(">")[2]


def _setting(
    key: str,
    form: Form[T],
    doc: str,
    *,
    default: T | tuple[T, T, T],
    basis: str,
    unit: str = "",
    environment: str = "",
) -> Setting[T]:
    """A setting; three defaults are those of the conservative, moderate and aggressive profiles."""
    values = default if isinstance(default, tuple) else (default, default, default)
    return Setting(
        key=key,
        environment=environment or "READYTRADER_" + key.upper().replace(".", "_"),
        form=form,
        defaults=dict(zip(RiskProfile, values, strict=True)),
        unit=unit,
        doc=doc,
        basis=basis,
    )


def _numbers(*texts: str) -> tuple[Decimal, Decimal, Decimal]:
    conservative, moderate, aggressive = (Decimal(text) for text in texts)
    return conservative, moderate, aggressive


# --- mode -----------------------------------------------------------------------------------------------------

PAPER_MODE = _setting(
    "paper_mode",
    forms.boolean(),
    "Paper money (`true`) or real money (`false`).",
    default=True,
    basis=SEED,
    environment="PAPER_MODE",
)
LIVE_TRADING_ENABLED = _setting(
    "live_trading_enabled",
    forms.boolean(),
    "The second switch for real money: without it, live mode only looks, and refuses every order.",
    default=False,
    basis=SEED,
    environment="LIVE_TRADING_ENABLED",
)
TRADING_HALTED = _setting(
    "trading_halted",
    forms.boolean(),
    "Start halted: nothing but cancels passes until an operator resumes.",
    default=False,
    basis=SEED,
    environment="TRADING_HALTED",
)
EXECUTION_MODE = _setting(
    "execution_mode",
    forms.one_of(
        ExecutionMode,
        {ExecutionMode.DEX: "it has no DEX router", ExecutionMode.HYBRID: "it has no DEX router"},
    ),
    "Where orders may go.",
    default=ExecutionMode.AUTO,
    basis=SEED,
    environment="EXECUTION_MODE",
)
RISK_PROFILE = _setting(
    "risk_profile",
    forms.one_of(RiskProfile),
    "Which set of defaults the limits below start from; a limit set on its own goes before it.",
    default=RiskProfile.CONSERVATIVE,
    basis=SEED,
    environment="RISK_PROFILE",
)

# --- approval -------------------------------------------------------------------------------------------------

APPROVAL_MODE = _setting(
    "approval.mode",
    forms.one_of(ApprovalMode),
    "`auto`: what passes every rule is executed; `approve_each`: a person agrees to every order first.",
    default=ApprovalMode.AUTO,
    basis=SEED,
    environment="EXECUTION_APPROVAL_MODE",
)
APPROVAL_NOTIONAL_MIN = _setting(
    "approval.notional_min",
    forms.optional(forms.amount()),
    "Orders of at least this notional need a person, also in `auto`.",
    default=None,
    basis="no absolute amount suits every portfolio",
    unit="accounting asset",
)
APPROVAL_FIRST_SYMBOL = _setting(
    "approval.first_symbol",
    forms.boolean(),
    "An agent's first order in each instrument needs a person.",
    default=False,
    basis="`auto` asks nobody unless told to",
)
APPROVAL_FIRST_ORDERS = _setting(
    "approval.first_orders",
    forms.whole(0, 1_000),
    "An agent's first orders, this many, need a person.",
    default=0,
    basis="`auto` asks nobody unless told to",
    unit="orders",
)
APPROVAL_PEOPLE_MIN = _setting(
    "approval.people_min",
    forms.whole(1, 3),
    "How many different persons must agree to what needs a person; with 2 or 3, each with an account of their own.",
    default=1,
    basis="most appliances have one operator",
    unit="persons",
)
PROPOSAL_TTL = _setting(
    "approval.proposal_ttl_sec",
    forms.duration(SECOND, 10, 86_400),
    "How long a proposal waits for a person; then it is void.",
    default=120 * SECOND,
    basis=SEED,
    unit="s",
)
PERMIT_TTL = _setting(
    "approval.permit_ttl_sec",
    forms.duration(SECOND, 1, 60),
    "How long a permit may be used after the decision.",
    default=10 * SECOND,
    basis="long enough for a slow disk, short against a moving price",
    unit="s",
)

# --- allowlists -----------------------------------------------------------------------------------------------

_OPEN_ON_PAPER = "not restricted on paper; live trading refuses to start without a list"

ALLOW_EXCHANGES = _setting(
    "allow.exchanges",
    forms.any_or_each(forms.venue()),
    "Exchanges that orders may name.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_EXCHANGES",
)
ALLOW_SYMBOLS = _setting(
    "allow.symbols",
    forms.any_or_each(forms.symbol()),
    "Instruments that may be traded.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_CEX_SYMBOLS",
)
_SPOT_ONLY = "it trades spot only"
ALLOW_MARKET_TYPES = _setting(
    "allow.market_types",
    forms.any_or_each(forms.one_of(MarketType, {MarketType.SWAP: _SPOT_ONLY, MarketType.FUTURE: _SPOT_ONLY})),
    "Market types that may be traded.",
    default=frozenset({MarketType.SPOT}),
    basis="borrowing and leverage must be asked for",
    environment="ALLOW_CEX_MARKET_TYPES",
)
ALLOW_TOKENS = _setting(
    "allow.tokens",
    forms.any_or_each(forms.asset()),
    "Assets that may be bought, sold, swapped or sent.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_TOKENS",
)
ALLOW_CHAINS = _setting(
    "allow.chains",
    forms.any_or_each(forms.chain()),
    "Chains that swaps and transfers may name.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_CHAINS",
)
ALLOW_TO_ADDRESSES = _setting(
    "allow.to_addresses",
    forms.each(forms.address()),
    "Addresses that transfers may go to; an empty list allows none.",
    default=frozenset(),
    basis="transfers are off until an operator names where they may go",
    environment="ALLOW_TO_ADDRESSES",
)

# --- limits ---------------------------------------------------------------------------------------------------

ACCOUNTING_ASSET = _setting(
    "limits.accounting_asset",
    forms.asset(),
    "The asset in which equity, notional and loss are measured.",
    default=Asset("USDT"),
    basis="what the default instruments are quoted in",
)
CASH_ASSETS = _setting(
    "limits.cash_assets",
    forms.each(forms.asset()),
    "Assets that count as being out of the market: selling into them is an exit.",
    default=frozenset({Asset("USDT"), Asset("USDC"), Asset("USD")}),
    basis="the dollar and its two largest stablecoins",
)
POSITION_MAX_PCT = _setting(
    "limits.position_max_pct",
    forms.percent(),
    "One position after the trade, open orders included.",
    default=_numbers("5", "10", "25"),
    basis=SEED,
    unit="% of equity",
)
EXPOSURE_MAX_PCT = _setting(
    "limits.exposure_max_pct",
    forms.percent(),
    "All positions outside cash together, open orders included.",
    default=_numbers("50", "75", "100"),
    basis="at most what is owned; half of it where caution is asked for",
    unit="% of equity",
)
DAILY_LOSS_MAX_PCT = _setting(
    "limits.daily_loss_max_pct",
    forms.percent(),
    "Loss since 00:00 UTC that stops entries; exits still pass.",
    default=_numbers("5", "10", "20"),
    basis=SEED,
    unit="% of net asset value",
)
DRAWDOWN_MAX_PCT = _setting(
    "limits.drawdown_max_pct",
    forms.percent(),
    "Fall from the highest net asset value that stops entries; exits still pass.",
    default=_numbers("10", "20", "40"),
    basis=SEED,
    unit="% of net asset value",
)
NAV_JUMP_MAX_PCT = _setting(
    "limits.nav_jump_max_pct",
    forms.percent(),
    "A fall of net asset value between two heartbeats that leaves only exits until a person looks.",
    default=_numbers("3", "6", "12"),
    basis="more than half of a day's loss limit at once is not trading, it is a fault",
    unit="% of net asset value",
)
_NO_ABSOLUTE = "no absolute amount suits every portfolio: on paper the percentages bound it; live trading needs one"
NOTIONAL_ORDER_MAX = _setting(
    "limits.notional_order_max",
    forms.optional(forms.amount()),
    "One order, at the worst price that it may trade at.",
    default=None,
    basis=_NO_ABSOLUTE,
    unit="accounting asset",
    environment="MAX_TRADE_AMOUNT",
)
NOTIONAL_CEX_ORDER_MAX = _setting(
    "limits.notional_cex_order_max",
    forms.optional(forms.amount()),
    "One order at an exchange; the smaller of this and the one above holds.",
    default=None,
    basis=_NO_ABSOLUTE,
    unit="accounting asset",
    environment="MAX_CEX_ORDER_AMOUNT",
)
TRANSFER_NATIVE_MAX = _setting(
    "limits.transfer_native_max",
    forms.optional(forms.amount()),
    "One transfer; `off` means that nothing can be transferred.",
    default=None,
    basis="transfers are off until an operator allows them",
    unit="native asset of the chain",
    environment="MAX_TRANSFER_NATIVE",
)
COLLAR_HARD_PCT = _setting(
    "limits.collar_hard_pct",
    forms.percent("50"),
    "How far beyond the market a price may be; the worst price of a market order.",
    default=_numbers("2", "3", "5"),
    basis="several times the spread of a liquid instrument, far inside a bad print",
    unit="% of the market's price",
)
COLLAR_SOFT_PCT = _setting(
    "limits.collar_soft_pct",
    forms.optional(forms.percent("50")),
    "Beyond this a person must approve; never above the hard collar.",
    default=None,
    basis="`auto` asks nobody unless told to",
    unit="% of the market's price",
)
SLIPPAGE_MAX_PCT = _setting(
    "limits.slippage_max_pct",
    forms.percent("50"),
    "How far below the quoted output a swap may end.",
    default=Decimal(1),
    basis=SEED,
    unit="% of the quoted output",
    environment="DEX_SLIPPAGE_PCT",
)
SPREAD_MAX_PCT = _setting(
    "limits.spread_max_pct",
    forms.percent("50"),
    "A wider market is not traded in.",
    default=_numbers("1", "2", "5"),
    basis="liquid instruments stand below a tenth of it",
    unit="% of the mid price",
)
DEPTH_MAX_PCT = _setting(
    "limits.depth_max_pct",
    forms.optional(forms.percent("100000")),
    "One order against the size at the best price on the other side.",
    default=None,
    basis="the best level flickers; the hard collar already bounds what a thin market can cost",
    unit="% of the size shown",
)
FEE_MAX_PCT = _setting(
    "limits.fee_max_pct",
    forms.percent("10"),
    "The worst fee rate, reserved with every order.",
    default=Decimal("0.2"),
    basis="twice the largest exchange's first tier",
    unit="% of notional",
)
OPEN_ORDERS_MAX = _setting(
    "limits.open_orders_max",
    forms.whole(1, 10_000),
    "Open orders at one time.",
    default=(20, 50, 100),
    basis="what a person can look through; venues allow about 200",
    unit="orders",
)
OPEN_NOTIONAL_MAX_PCT = _setting(
    "limits.open_notional_max_pct",
    forms.percent("1000"),
    "Open orders together.",
    default=_numbers("25", "50", "100"),
    basis="half of what all positions may be, or all of it",
    unit="% of equity",
)
TURNOVER_MAX_PCT = _setting(
    "limits.turnover_max_pct",
    forms.percent("100000"),
    "What one agent may trade in the turnover window; exits count and are not stopped.",
    default=_numbers("100", "300", "1000"),
    basis="once, three times, ten times the portfolio a day: fees, not prices, ruin beyond it",
    unit="% of equity",
)
TURNOVER_WINDOW = _setting(
    "limits.turnover_window_sec",
    forms.duration(SECOND, 60, 2_592_000),
    "Over how long turnover is counted.",
    default=86_400 * SECOND,
    basis="a day",
    unit="s",
)
DUPLICATE_WINDOW = _setting(
    "limits.duplicate_window_sec",
    forms.duration(SECOND, 1, 3_600),
    "The same order again within this, without a key of its own, is refused.",
    default=10 * SECOND,
    basis="longer than any client's retry",
    unit="s",
)
REPEATED_ORDERS_MAX = _setting(
    "limits.repeated_orders_max",
    forms.whole(1, 10_000),
    "Orders of one shape in the window below; one more disables the agent until a person looks.",
    default=(10, 20, 50),
    basis="half, all and more than a minute's executions (MiFID II RTS 6, article 15(3))",
    unit="orders",
)
REPEATED_WINDOW = _setting(
    "limits.repeated_window_sec",
    forms.duration(SECOND, 1, 86_400),
    "Over how long repeated orders are counted.",
    default=60 * SECOND,
    basis="a minute, as the rate limits",
    unit="s",
)
REJECTS_MAX = _setting(
    "limits.rejects_max",
    forms.whole(1, 10_000),
    "Rejections by a venue in the window below; one more leaves only cancels there.",
    default=(5, 10, 20),
    basis="a few are chance, more are a fault",
    unit="rejections",
)
REJECTS_WINDOW = _setting(
    "limits.rejects_window_sec",
    forms.duration(SECOND, 1, 86_400),
    "Over how long rejections are counted.",
    default=60 * SECOND,
    basis="a minute, as the rate limits",
    unit="s",
)

DRIFT_MAX_PCT = _setting(
    "limits.drift_max_pct",
    forms.percent(),
    "How much of equity a live venue's balances may differ from the journal's; beyond it only cancels pass there.",
    default=_numbers("0.1", "0.5", "1"),
    basis="dust and rebates are less, a lost fill is more",
    unit="% of equity",
)
FOREIGN_ORDERS_MAX = _setting(
    "limits.foreign_orders_max",
    forms.whole(0, 1000),
    "Open orders at a live venue that nobody here sent; one more leaves only cancels there.",
    default=0,
    basis="an account that somebody else trades on too has limits that nobody keeps",
    unit="orders",
)
DATA_LOSS_MAX = _setting(
    "limits.data_loss_max_sec",
    forms.duration(SECOND, 1, 86_400),
    "How long real orders may stand without a fresh quote; after it only cancels pass for their instrument.",
    default=60 * SECOND,
    basis="longer than a source takes to come back, or another to take over",
    unit="s",
)

LOOSENING_DELAY = _setting(
    "limits.loosening_delay_sec",
    forms.duration(SECOND, 1, 604_800),
    "How long a limit that is loosened while the core runs waits until it holds; meanwhile anybody can take it back.",
    default=600 * SECOND,
    basis="long enough that whoever is told can object",
    unit="s",
)

# --- rate limits ----------------------------------------------------------------------------------------------

RATE_DEFAULT = _setting(
    "rate_limits.default_per_min",
    forms.whole(1, 100_000),
    "Calls of one agent that only look; cancels have as many of their own.",
    default=120,
    basis=SEED,
    unit="calls/min",
    environment="RATE_LIMIT_DEFAULT_PER_MIN",
)
RATE_EXECUTION = _setting(
    "rate_limits.execution_per_min",
    forms.whole(1, 100_000),
    "Orders of one agent; amendments have as many of their own.",
    default=20,
    basis=SEED,
    unit="calls/min",
    environment="RATE_LIMIT_EXECUTION_PER_MIN",
)

# --- market data ----------------------------------------------------------------------------------------------

QUOTE_AGE_MAX = _setting(
    "marketdata.max_age_ms",
    forms.duration(MILLISECOND, 100, 3_600_000),
    "An older quote, by its source's own clock, is not traded on.",
    default=30_000 * MILLISECOND,
    basis=SEED,
    unit="ms",
    environment="MARKETDATA_MAX_AGE_MS",
)
QUOTE_SOURCES_MIN = _setting(
    "marketdata.sources_min",
    forms.whole(1, 10),
    "Sources that must agree on a price.",
    default=1,
    basis="one source is what a first start has; set 2 or more where more are configured",
    unit="sources",
)
CLOCK_SKEW_MAX = _setting(
    "marketdata.clock_skew_max_ms",
    forms.duration(MILLISECOND, 1, 60_000),
    "How far a source's clock may run ahead of ours.",
    default=2_000 * MILLISECOND,
    basis="a synchronised host is within 100 ms; the rest is the network's",
    unit="ms",
)
OUTLIER_MAX_PCT = _setting(
    "marketdata.outlier_max_pct",
    forms.percent("90"),
    "A jump beyond this is not believed until it is confirmed.",
    default=Decimal(20),
    basis=SEED,
    unit="% of the last price",
    environment="MARKETDATA_OUTLIER_MAX_PCT",
)
OUTLIER_WINDOW = _setting(
    "marketdata.outlier_window_ms",
    forms.duration(MILLISECOND, 100, 3_600_000),
    "Over how long prices are compared for jumps.",
    default=10_000 * MILLISECOND,
    basis=SEED,
    unit="ms",
    environment="MARKETDATA_OUTLIER_WINDOW_MS",
)
AGREE_MAX_PCT = _setting(
    "marketdata.agree_max_pct",
    forms.percent("20"),
    "Two sources agree on a price when they are no further apart.",
    default=Decimal(1),
    basis="wider than any spread between liquid venues, far narrower than a bad print",
    unit="% of the mid price",
)

# --- sentiment ------------------------------------------------------------------------------------------------

SENTIMENT_SOURCE = _setting(
    "sentiment.source",
    forms.optional(forms.source_name()),
    "The source whose score blocks buys in a falling market; `off` leaves the rule out.",
    default=None,
    basis="no default source has a score",
)
SENTIMENT_MIN = _setting(
    "sentiment.min",
    forms.decimal("-1", "1"),
    "Below this buys are blocked. Needs `sentiment.source`.",
    default=_numbers("-0.5", "-0.7", "-0.9"),
    basis=SEED,
    unit="score from -1 to 1",
)
SENTIMENT_AGE_MAX = _setting(
    "sentiment.max_age_sec",
    forms.duration(SECOND, 1, 604_800),
    "An older score counts as missing, which blocks buys too.",
    default=90_000 * SECOND,
    basis="25 hours: public indices are published once a day",
    unit="s",
)

# --- paper trading and the agent's listener -------------------------------------------------------------------

_EXCHANGE_FEE = "the largest exchange's first tier"
PAPER_MAKER_FEE_PCT = _setting(
    "paper.maker_fee_pct",
    forms.decimal("0", "10"),
    "Fee of a paper order that rested.",
    default=Decimal("0.1"),
    basis=_EXCHANGE_FEE,
    unit="% of notional",
)
PAPER_TAKER_FEE_PCT = _setting(
    "paper.taker_fee_pct",
    forms.decimal("0", "10"),
    "Fee of a paper order that traded at once.",
    default=Decimal("0.1"),
    basis=_EXCHANGE_FEE,
    unit="% of notional",
)
PAPER_LATENCY = _setting(
    "paper.latency_ms",
    forms.duration(MILLISECOND, 0, 60_000),
    "From the arrival of a paper order or cancel to its effect.",
    default=timedelta(0),
    basis="answers at once; set what your venue takes",
    unit="ms",
)
PAPER_FILL_SHARE_MAX_PCT = _setting(
    "paper.fill_share_max_pct",
    forms.percent(),
    "How much of each displayed size paper orders can have together.",
    default=Decimal(100),
    basis="all that is shown",
    unit="% of the size shown",
)
AGENT_HTTP_HOST = _setting(
    "agent.http_host",
    forms.loopback_host(),
    "Where agents reach MCP over HTTP; the loopback interface only.",
    default="127.0.0.1",
    basis="nothing leaves the host",
)
AGENT_HTTP_PORT = _setting(
    "agent.http_port",
    forms.whole(0, 65_535),
    "The port of the same; 0 takes a free one, and `serve` says which.",
    default=8100,
    basis="beside the operator's 8000",
)

# --- the operators' listener -----------------------------------------------------------------------------------

OPERATOR_HTTP_ENABLED = _setting(
    "operator_http.enabled",
    forms.boolean(),
    "Whether `serve` opens the operators' API and page. Nobody gets in before `readytrader operator add`.",
    default=True,
    basis="the page is where most operators look",
)
OPERATOR_HTTP_HOST = _setting(
    "operator_http.host",
    forms.loopback_host(),
    "Where the operators' API and page are; the loopback interface only.",
    environment="API_HOST",
    default="127.0.0.1",
    basis=SEED,
)
OPERATOR_HTTP_PORT = _setting(
    "operator_http.port",
    forms.whole(0, 65_535),
    "The port of the same; 0 takes a free one, and `serve` says which.",
    environment="API_PORT",
    default=8000,
    basis=SEED,
)
OPERATOR_SESSION_MAX = _setting(
    "operator_http.session_hours",
    forms.duration(HOUR, 1, 168),
    "How long a sign-in lasts. Each access token lasts ten minutes, and the page renews it.",
    environment="API_JWT_EXPIRATION_HOURS",
    default=12 * HOUR,
    basis="a working day",
    unit="h",
)
OPERATOR_METRICS_OPEN = _setting(
    "operator_http.metrics_open",
    forms.boolean(),
    "Let any program on this host scrape `/metrics` without signing in. `readytrader metrics` needs no HTTP at all.",
    default=False,
    basis="figures tell what is held and how it is doing",
)
OPERATOR_CALLS_PER_MIN = _setting(
    "operator_http.calls_per_min",
    forms.whole(10, 1_000_000),
    "Calls of one account; a further one waits. As many scrapes where `metrics_open` is set.",
    default=1200,
    basis="a page that looks at everything each second uses half of it",
    unit="calls/min",
)

# --- the watchdog process -------------------------------------------------------------------------------------

WATCHDOG_AFTER = _setting(
    "watchdog.after_sec",
    forms.duration(SECOND, 5, 3600),
    "How long the core may give no sign of life until `readytrader watchdog` cancels everything on every live venue.",
    default=30 * SECOND,
    basis="a restart takes a few seconds; orders that nobody watches are worth less than their loss",
    unit="s",
)

# --- what it tells of itself ----------------------------------------------------------------------------------

LOG_FORMAT = _setting(
    "log.format",
    forms.one_of(LogForm),
    "How the log on standard error looks: for people, or one JSON object in each line.",
    default=LogForm.TEXT,
    basis="read by people first",
)
LOG_LEVEL = _setting(
    "log.level",
    forms.one_of(LogLevel),
    "From which level on the appliance's own lines are told; of libraries' only from `warning` on.",
    default=LogLevel.INFO,
    basis="what an operator wants to see once",
)
OTEL_ENABLED = _setting(
    "otel.enabled",
    forms.boolean(),
    "Send a trace of every request to a collector. Needs an installation by pip with the extra `otel`: the frozen "
    "program has no such packages.",
    default=False,
    basis=SEED,
    environment="OTEL_ENABLED",
)
OTEL_SERVICE_NAME = _setting(
    "otel.service_name",
    forms.matching(r"[a-z][a-z0-9._-]{1,62}", "a name of lower-case letters, digits, dots and hyphens", str),
    "What the collector calls this appliance.",
    default="readytrader",
    basis="its name",
    environment="OTEL_SERVICE_NAME",
)
OTEL_ENDPOINT = _setting(
    "otel.endpoint",
    forms.matching(r"https?://[!-~]{1,290}", "the URL of a collector such as http://127.0.0.1:4318", str),
    "The collector, spoken to in OTLP over HTTP; `/v1/traces` is added. On this host, or one of `otel.hosts`.",
    default="http://127.0.0.1:4318",
    basis="a collector on this host, at OTLP's own port",
    environment="OTEL_EXPORTER_OTLP_ENDPOINT",
)
OTEL_HOSTS: Setting[frozenset[str]] = _setting(
    "otel.hosts",
    forms.each(
        forms.matching(r"[A-Za-z0-9.-]{1,253}:[0-9]{1,5}", "a host and its port such as otel.example:4318", str)
    ),
    "Collectors beyond this host that traces may be sent to, by https alone.",
    default=frozenset(),
    basis="nothing leaves the host",
)

# --- plugins --------------------------------------------------------------------------------------------------

CAGE_REQUIRED = _setting(
    "plugins.cage_required",
    forms.each(forms.one_of(Measure)),
    "Measures of the cage without which no plugin is loaded; `readytrader plugin verify` tells what this kernel has.",
    default=frozenset({Measure.NO_NEW_PRIVILEGES, Measure.SECCOMP, Measure.LANDLOCK_FILES}),
    basis="without these a plugin could read and reach what is not its own; the rest are second walls",
)

# --- looking back ---------------------------------------------------------------------------------------------

EQUITY_EVERY = _setting(
    "reports.equity_every_sec",
    forms.duration(SECOND, 10, 86_400),
    "How often the account's worth is written into the journal, when everything held can be priced.",
    default=300 * SECOND,
    basis="288 entries a day, some 200 KB: a chart of real values that survives restarts",
    unit="s",
)
DAILY_SUMMARY = _setting(
    "notices.daily_summary",
    forms.boolean(),
    "Tell the notifiers, soon after midnight UTC, what the day was.",
    default=False,
    basis="a notice that nobody asked for is soon not read",
)
INSIGHT_TOOLS = _setting(
    "tools.insights",
    forms.boolean(),
    "Offer agents `post_market_insight`, `get_latest_insights` and `get_strategies`.",
    default=False,
    basis="every tool costs an agent's attention; these decide nothing",
)

SETTINGS: tuple[Setting[Any], ...] = tuple(value for value in list(globals().values()) if isinstance(value, Setting))
"""Every setting, in the order of the file."""

QUANTITY_ORDER_MAX = Family(
    key="limits.quantity_order_max",
    environment="MAX_TRADE_AMOUNT_<TOKEN>",
    member=forms.asset(),
    upper=True,
    form=forms.amount(),
    unit="units of the asset",
    doc="One order in this base asset, in the asset's own units.",
    basis="none is set",
)
TOOL_RATE = Family(
    key="rate_limits.tool_per_min",
    environment="RATE_LIMIT_<TOOL>_PER_MIN",
    member=forms.matching(r"[a-z][a-z0-9_]{1,63}", "a tool's name", str),
    upper=False,
    form=forms.whole(1, 100_000),
    unit="calls/min",
    doc="Calls of one agent to this tool: a further bound.",
    basis="none is set",
)
SOURCE_AGE_MAX = Family(
    key="marketdata.source_max_age_ms",
    environment="MARKETDATA_MAX_AGE_MS_<PROVIDER>",
    member=forms.source_name(),
    upper=False,
    form=forms.duration(MILLISECOND, 100, 3_600_000),
    unit="ms",
    doc="Oldest quote of this source; never above `marketdata.max_age_ms`.",
    basis="none is set",
)
FAMILIES: tuple[Family[Any], ...] = (QUANTITY_ORDER_MAX, TOOL_RATE, SOURCE_AGE_MAX)
"""Every family of settings."""
