"""Live market data of any exchange that ccxt knows: streamed, or polled where streams are not wanted.

Settings:

* `exchange`    ccxt's name for it, e.g. `binance`, `kraken`
* `symbols`     with commas, `BASE/QUOTE` for spot or `BASE/QUOTE:SETTLE` for perpetuals; one kind an instance
* `feed`        `stream` (the default; priority 0), or `poll` (REST; priority 2)
* `timeframes`  candles to deliver, with commas; default `1m,1h`; `none` for no candles
* `silence_s`   after so many seconds without a tick of one symbol the source is started again; default by exchange
* `depth`       levels a side of the books to deliver; `0` (the default) for quotes alone
* `poll_s`      seconds between two polls, fewer than `silence_s`, whose default is three polls at least; default 5
* `url`         in place of the exchange's own address: a local exchange, or a proxy of yours
* `timeout_s`   for one request; default 8

Every tick carries the source's own time. A channel that has none is not used, whatever else speaks for it; an answer
by REST without one has the time of its HTTP header `Date`.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import DataSourceFactory, hookimpl

from builtin_plugins.ccxt_source.source import CcxtSource


@hookimpl
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    """`ccxt_feed`: an exchange's market data."""
    return {"ccxt_feed": CcxtSource}
