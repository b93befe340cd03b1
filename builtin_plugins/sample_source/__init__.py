"""A made-up market to try ReadyTrader with: no network, no account. Never for live trading.

Settings (all optional):

* `symbols`          comma-separated, from BTC/USDT, ETH/USDT, SOL/USDT; default all three
* `seed`             a whole number; the same seed makes the same prices in the same order; default 1
* `history_minutes`  one-minute candles delivered at the start, 0 to 10000; default 1500
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import DataSourceFactory, hookimpl

from builtin_plugins.sample_source.walk import SampleSource


@hookimpl
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    """`sample`: the made-up market."""
    return {"sample": SampleSource}
