"""Plays recorded market data: to try things against a real market's past, and to test with. Never for live trading.

Settings:

* `path`       one file, or several separated by commas; `.gz` is unpacked. They are merged by time of arrival
* `format`     `binance_usdm`, `candles_csv` or `kraken_rest`
* `symbol`     what the recorded instrument is called here, e.g. `BTC/USDT`
* `speed`      `max` (the default), or a factor: `1` as it was, `60` an hour a minute
* `shift`      `none` (the default): times stay as recorded. `now`: they move so that the recording is of now. At a
               speed it begins now, its time passing as fast as it is played; at `max` it ends now, as history
* `loop`       `false` (the default) or `true`: begin again at the end; needs a speed and `shift = now`
* `depth`      levels a side of a book; default 20 (`binance_usdm`)
* `timeframe`  default `1m` (`candles_csv`)

With `shift = now` times are counted from the recording's first (or last) *source* time. A recorder whose clock was
slow or fast does therefore not make every tick of its recording look late or early; what remains is the unevenness of
the way.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import DataSourceFactory, hookimpl

from builtin_plugins.replay_source.source import ReplaySource


@hookimpl
def register_data_sources() -> Mapping[str, DataSourceFactory]:
    """`replay`: the player."""
    return {"replay": ReplaySource}
