"""The conformance kit: what every good plugin keeps, as plain async checks that need no test framework.

```python
report = await run(Kind.EXCHANGE, ExchangeSubject(exchange=mine, venue=VenueId("acme")))
print(report.text())
report.demand()  # raises unless it passed
```

The same checks run in an author's tests, over every built-in, and in `readytrader plugin check NAME` through the wall
of a worker: they use the ports' methods and nothing else.
"""

from readytrader_sdk.conformance.catalog import CHECKS
from readytrader_sdk.conformance.checks import Check, NotKept, NotTried, expect, promise, skip
from readytrader_sdk.conformance.report import NotConforming, Outcome, Report, Verdict
from readytrader_sdk.conformance.runner import run
from readytrader_sdk.conformance.subjects import (
    ExchangeSubject,
    NotifierSubject,
    RouterSubject,
    SignerSubject,
    SourceSubject,
    Subject,
)
from readytrader_sdk.kinds import Kind

__all__ = [
    "CHECKS",
    "Check",
    "ExchangeSubject",
    "Kind",
    "NotConforming",
    "NotKept",
    "NotTried",
    "NotifierSubject",
    "Outcome",
    "Report",
    "RouterSubject",
    "SignerSubject",
    "SourceSubject",
    "Subject",
    "Verdict",
    "expect",
    "promise",
    "run",
    "skip",
]
