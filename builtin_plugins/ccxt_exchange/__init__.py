"""Trades on an exchange that ccxt knows: any by its name, five of them with a tested row of what they can do.

Settings:

* `exchange`     ccxt's name of it, such as `binance` or `kraken`
* `market_type`  `spot` (default), `swap` or `future`: symbols of this type alone
* `url`          optional: where to connect in place of the exchange's own addresses, such as `http://127.0.0.1:8090`;
                 `http` only for a host among the instance's `private_hosts`
* `rate_limit`   optional: `on` (default), or `off` for a `url` of your own that needs no pace kept
* `symbols`      optional: with commas, the only symbols there are; required where open orders are listed by symbol
* `timeout_s`    optional: for one request, 1 to 9 whole seconds, default 8

Secrets: `api_key` and `api_secret`; `password` (a passphrase, as OKX has) and `uid` where the exchange wants one.

The instance must be granted the exchange's hosts.
"""

from __future__ import annotations

from collections.abc import Mapping

from readytrader_sdk.hooks import ExchangeFactory, hookimpl

from builtin_plugins.ccxt_exchange.making import ccxt_exchange


@hookimpl
def register_exchanges() -> Mapping[str, ExchangeFactory]:
    """`ccxt`: an exchange by configuration."""
    return {"ccxt": ccxt_exchange}
