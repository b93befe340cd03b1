"""What a ReadyTrader plugin is written against: values, ports, hooks, errors. Nothing of the core.

The modules, in the order a plugin author meets them:

* `money`        exact decimals from text
* `instruments`  what can be traded, and in which increments
* `market`       quotes, books, trades, candles
* `orders`       order requests, fills, execution reports
* `ports`        one small interface per kind of plugin
* `hooks`        how a plugin registers its classes
* `errors`       the four ways a call may fail
"""

API_VERSION = 1
"""The plugin interface's version. A plugin built for another one is refused before it is loaded."""
