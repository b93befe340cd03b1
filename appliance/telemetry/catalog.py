"""Every metric once: its name, labels and meaning. The exposition and the manual's table are made from it.

Labels name what the configuration or the code names, and nothing that an agent can make up: no order, request, agent
or address is ever one, so that nobody can blow the number of time series up.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What a metric is (Prometheus, metric types)."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(Struct, frozen=True, kw_only=True):
    """One metric, as it is exposed."""

    name: str
    kind: Kind
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram: upper bounds in seconds."""


class Stage(StrEnum):
    """The parts of a request's life that are timed; the value is the label's, and the name of the span."""

    AUTHENTICATE = "authenticate"
    RATE_LIMIT = "rate_limit"
    PARSE = "parse"
    OBSERVE = "observe"
    DECIDE = "decide"
    RECORD = "record"
    """From handing an event over until it is on disk."""
    SEND = "send"
    """The permitted call to the venue, until it answers."""
    REPORT = "report"
    """Booking what the venue said, until that is on disk."""
    RECONCILE = "reconcile"


_FAST = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALLS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PEOPLE = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 300.0, 600.0, 3600.0)


def _counter(name: str, doc: str, *labels: str) -> Metric:
    return Metric(name=f"readytrader_{name}_total", kind=Kind.COUNTER, doc=doc, labels=labels)


def _gauge(name: str, doc: str, *labels: str) -> Metric:
    return Metric(name=f"readytrader_{name}", kind=Kind.GAUGE, doc=doc, labels=labels)


def _seconds(name: str, doc: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name=f"readytrader_{name}_seconds", kind=Kind.HISTOGRAM, doc=doc, labels=labels, buckets=buckets)


# --- counted and timed as it happens --------------------------------------------------------------------------

STAGE = _seconds("stage", "How long each stage of a request took.", _FAST, "stage")
WORKER_CALL = _seconds("worker_call", "Calls of workers, from asking to the answer.", _CALLS, "worker", "method")
JOURNAL_COMMIT = _seconds("journal_commit", "Commits of the journal, fsync included.", _FAST)
APPROVAL_WAIT = _seconds("approval_wait", "From a proposal to the decision on it.", _PEOPLE, "outcome")

TOOL_CALLS = _counter("tool_calls", "Calls of agents; outcome is ok or refused.", "tool", "outcome")
DECISIONS = _counter("decisions", "Requests that were decided on: permitted, proposed or denied.", "outcome")
DENIALS = _counter("denials", "Reasons of refusals, by code; a denied request can have several.", "code")
WORKER_FAILURES = _counter("worker_call_failures", "Calls of workers that failed.", "worker", "fault")
ORDERS_REPORTED = _counter("orders_reported", "Reports on orders that were believed, by the state told.", "state")
REPORTS_REFUSED = _counter("reports_refused", "Reports that cannot be true.")
FILLS = _counter("fills", "Executions that venues reported.")
FILLS_MISSED = _counter("fills_missed", "Fills that only reconciliation found.")
SIGN_INS_REFUSED = _counter("sign_ins_refused", "Callers turned away for want of a good credential.", "listener")
THROTTLED = _counter("throttled", "Minutes in which an agent ran into a rate limit.", "budget")
NARROWED = _counter("trading_narrowed", "Times that trading was narrowed or resumed, by the state set.", "state")
DRIFTS_FOUND = _counter("drifts_found", "Balances found that are not what the journal says.")
FOREIGN_FOUND = _counter("foreign_orders_found", "Open orders found that nobody here sent.")
SIGNED_IN = _counter("operators_signed_in", "Operators who signed in.")
LOCKED_OUT = _counter("operators_locked_out", "Times that failed sign-ins made further ones wait.")
NOTICES = _counter("notices", "Notices that a notifier delivered or that were given up there.", "notifier", "outcome")
LOG_LINES = _counter("log_lines", "Lines of the log, by level.", "level")

COUNTED: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""What is above; the rest is read."""

# --- read when somebody asks ----------------------------------------------------------------------------------

BUILD = _gauge("build_info", "Always 1; what runs.", "version", "mode")
STARTED = _gauge("start_time_seconds", "When the core came up, in seconds since 1970.")
HALTED = _gauge("halted", "Whether trading is halted.")
SCOPES = _gauge("scopes_narrowed", "Scopes that are not active, by their state.", "state")
ORDERS = _gauge("orders", "Live orders, by state.", "state")
PROPOSALS = _gauge("proposals_pending", "Proposals that wait for a person.")
PROPOSAL_AGE = _gauge("proposal_oldest_age_seconds", "How long the oldest of them has waited; 0 without any.")
AGENTS = _gauge("agents", "Agents whose token is good now.")
LIMIT_USED = _gauge(
    "limit_used_ratio",
    "How much of a limit is used, 1 being all; of those of each asset or agent, the fullest.",
    "limit",
)

EQUITY = _gauge("equity", "What the account is worth, in its accounting asset; absent while not known.", "asset")
NAV = _gauge("nav", "Net asset value per unit; absent while not known.")
DRAWDOWN = _gauge("drawdown_ratio", "How far the net asset value is below its peak.")
DAY_LOSS = _gauge("day_loss_ratio", "How far it is below where the day began; negative for a gain.")

JOURNAL_ENTRIES = _gauge("journal_entries", "Entries in the journal.")
JOURNAL_BYTES = _gauge("journal_size_bytes", "The journal's file and its write-ahead log.")
JOURNAL_FAILED = _gauge("journal_failed", "1 when nothing can be written any more: nothing is sent then.")
JOURNAL_COMMITS = _counter("journal_commits", "Transactions since the start; each costs an fsync.")
DISK_FREE = _gauge("disk_free_bytes", "Free for us on the journal's disk.")

SYMBOL_QUOTE_AGE = _gauge("quote_age_seconds", "Age of the best quote to trade on; absent without one.", "symbol")
SYMBOL_TRUSTED = _gauge("quote_trusted", "Whether the symbol can be traded on its quotes now.", "symbol")
SOURCE_AGE = _gauge("source_age_seconds", "Since a source of the operator last sent anything.", "source")
SOURCE_TICKS = _counter("source_ticks", "What it sent: accepted or refused.", "source", "verdict")

WORKER_READY = _gauge("worker_ready", "Whether the worker can be called.", "worker", "kind")
WORKER_STATE = _gauge("worker_state", "1 for the state that it is in.", "worker", "state")
WORKER_RESTARTS = _counter("worker_restarts", "How often it was started again.", "worker")
WORKER_CPU = _counter("worker_cpu_seconds", "CPU time of its present process.", "worker")
WORKER_MEMORY = _gauge("worker_memory_bytes", "Resident memory of its present process.", "worker")
WORKER_CONNECTIONS = _counter("worker_connections", "Connections asked of the egress broker.", "worker", "outcome")

NOTICES_WAITING = _gauge("notices_waiting", "Notices that a notifier is still to deliver.", "notifier")

VENUE_FIT = _gauge("venue_fit", "Whether the venue is sent orders.", "venue")
VENUE_SKEW = _gauge("venue_clock_skew_seconds", "How far its clock is ahead; absent where it does not tell.", "venue")
VENUE_DRIFTS = _gauge("venue_drifts", "Balances that differ from the journal.", "venue")
VENUE_FOREIGN = _gauge("venue_foreign_orders", "Open orders there that nobody here sent.", "venue")
VENUE_AGREED_AGE = _gauge("venue_agreed_age_seconds", "Since it was last compared with the journal.", "venue")
WATCHDOG_ALIVE = _gauge("watchdog_alive", "Whether the watchdog process gives signs of life.")

CATALOG: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""Every metric of our own. Beside them there are the `process_` metrics of the client library."""
