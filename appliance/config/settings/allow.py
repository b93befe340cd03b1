"""`[allow]`: what may be traded, where, and to which addresses."""

from __future__ import annotations

from readytrader_sdk.instruments import MarketType

from appliance.config import forms
from appliance.config.settings.setting import setting

_OPEN_ON_PAPER = "not restricted on paper; live trading refuses to start without a list"
EXCHANGES = setting(
    "allow.exchanges",
    forms.any_or_each(forms.venue()),
    "Exchanges that orders may name.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_EXCHANGES",
)
SYMBOLS = setting(
    "allow.symbols",
    forms.any_or_each(forms.symbol()),
    "Instruments that may be traded.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_CEX_SYMBOLS",
)
_SPOT_ONLY = "it trades spot only"
MARKET_TYPES = setting(
    "allow.market_types",
    forms.any_or_each(forms.one_of(MarketType, {MarketType.SWAP: _SPOT_ONLY, MarketType.FUTURE: _SPOT_ONLY})),
    "Market types that may be traded.",
    default=frozenset({MarketType.SPOT}),
    basis="borrowing and leverage must be asked for",
    environment="ALLOW_CEX_MARKET_TYPES",
)
TOKENS = setting(
    "allow.tokens",
    forms.any_or_each(forms.asset()),
    "Assets that may be bought, sold, swapped or sent.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_TOKENS",
)
CHAINS = setting(
    "allow.chains",
    forms.any_or_each(forms.chain()),
    "Chains that swaps and transfers may name.",
    default=None,
    basis=_OPEN_ON_PAPER,
    environment="ALLOW_CHAINS",
)
TO_ADDRESSES = setting(
    "allow.to_addresses",
    forms.each(forms.address()),
    "Addresses that transfers may go to; an empty list allows none.",
    default=frozenset(),
    basis="transfers are off until an operator names where they may go",
    environment="ALLOW_TO_ADDRESSES",
)
