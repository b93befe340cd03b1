"""What a ReadyTrader plugin is written against: values, ports, hooks, errors, checks. Nothing of the core.

The modules, in the order a plugin author meets them:

* `money`        exact decimals from text
* `instruments`  what can be traded, and in which increments
* `market`       quotes, books, trades, candles
* `orders`       order requests, fills, execution reports
* `kinds`        the five kinds of plugin
* `ports`        one small interface per kind of plugin
* `evm`          a transaction as values, and the bytes of it that are signed
* `hooks`        how a plugin registers its classes
* `egress`       which hosts it may reach
* `errors`       the four ways a call may fail
* `conformance`  what every good plugin of a kind keeps, as checks
* `scaffold`     the smallest plugin of a kind, to begin with
"""

API_VERSION = 1
"""The plugin interface's version. A plugin built for another one is refused before it is loaded."""
