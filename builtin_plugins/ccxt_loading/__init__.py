"""One exchange of ccxt, loaded by itself: its own modules and ccxt's base, not the two hundred others.

What trades and what reads market data are made here alike: numbers stay text, the rate limiter is on, no proxy of the
environment is used, and where the operator names another address, every URL leads there.
"""

from __future__ import annotations

from builtin_plugins.ccxt_loading.address import Address, address_of
from builtin_plugins.ccxt_loading.classes import UnknownExchange, exchange_class
from builtin_plugins.ccxt_loading.making import Choice, choice_of, made

__all__ = ["Address", "Choice", "UnknownExchange", "address_of", "choice_of", "exchange_class", "made"]
