"""One required port per kind of plugin, and optional ports beside them: small interfaces of values in, values out.

What holds for every method of every port:

* **Units** are whole units (one bitcoin, one dollar) unless the docstring says wei. Amounts are exact decimals.
* **Errors** are those of `readytrader_sdk.errors`. `Unavailable` is raised only when nothing was sent or it provably
  did not arrive; any other exception of a call that moves value counts as `OutcomeUnknown`.
* **Timeout** is how long the core waits. Then the call is cancelled (`asyncio.CancelledError`), and counts as
  `OutcomeUnknown` if it moves value.
* **May be repeated** says whether the core may make the call again. A call that moves value is made once per client
  order ID and never again, whatever came of it. No method sees a permit: the worker verifies it before the call.

An optional port is a capability: a class that has its methods is asked for it, any other never is. Do not inherit a
port's methods and raise `Unsupported` from them.
"""

from readytrader_sdk.ports.data_source import DataSourcePort, PaperOnly
from readytrader_sdk.ports.exchange import (
    AmendPort,
    CancelAllAfterPort,
    CancelAllPort,
    CaveatsPort,
    ExchangePort,
    KeyRights,
    KeyRightsPort,
    LendingAction,
    LendingPort,
    LendingRequest,
    QuoteStreamPort,
    ReportStreamPort,
    TransferPort,
    TransferRequest,
    VenueClockPort,
)
from readytrader_sdk.ports.notifier import Notice, NotifierPort, Severity
from readytrader_sdk.ports.router import (
    NATIVE_TOKEN,
    Approval,
    Call,
    Finding,
    Flow,
    IntentOrderPort,
    OrderSubmission,
    Plan,
    RouteQuote,
    RouterPort,
    Step,
    SwapRequest,
    TypedDataOrder,
)
from readytrader_sdk.ports.signer import SignerPort, TransactionRequest, TypedDataPort, TypedDataRequest

__all__ = [
    "NATIVE_TOKEN", "AmendPort", "Approval", "Call", "CancelAllAfterPort", "CancelAllPort", "CaveatsPort",
    "DataSourcePort", "ExchangePort", "Finding", "Flow", "IntentOrderPort", "KeyRights", "KeyRightsPort",
    "LendingAction", "LendingPort", "LendingRequest", "Notice", "NotifierPort", "OrderSubmission", "PaperOnly",
    "Plan", "QuoteStreamPort", "ReportStreamPort", "RouteQuote", "RouterPort", "Severity", "SignerPort", "Step",
    "SwapRequest", "TransactionRequest", "TransferPort", "TransferRequest", "TypedDataOrder", "TypedDataPort",
    "TypedDataRequest", "VenueClockPort",
]  # fmt: skip
