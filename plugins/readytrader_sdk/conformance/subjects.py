"""What is put to the checks: the plugin, and the few facts without which it cannot be tried."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from readytrader_sdk.instruments import Instrument, MarketType, Symbol, VenueId
from readytrader_sdk.kinds import Kind
from readytrader_sdk.market import Tick
from readytrader_sdk.ports import (
    ExchangePort,
    NotifierPort,
    RouterPort,
    SignerPort,
    SwapRequest,
    TypedDataOrder,
)


class ExchangeSubject(Struct, frozen=True, kw_only=True):
    """An exchange on an account of its own that nobody else trades on: a test venue, or an amount you can spare.

    The checks that move value need `symbol`, `quantity` and `price_far`; those in which something is bought also need
    `price_crossing`. Each of these buys up to `quantity` at up to `price_crossing`; nothing is sold.
    """

    exchange: ExchangePort
    venue: VenueId
    symbol: Symbol | None = None
    quantity: Decimal | None = None
    """Base units: a multiple of the increment that the venue takes at both prices."""
    price_far: Decimal | None = None
    """So far below the market that nobody sells there, and yet one that the venue takes."""
    price_crossing: Decimal | None = None
    """Above the market: a buy at this price is filled at once."""
    market_type: MarketType = MarketType.SPOT


class Source(Protocol):
    """A data source here, or the core's proxy of one in a worker, whose `instruments` has to be awaited."""

    def instruments(self) -> Sequence[Instrument] | Awaitable[Sequence[Instrument]]:
        """As `DataSourcePort.instruments`."""

    def stream(self) -> AsyncIterator[Tick]:
        """As `DataSourcePort.stream`."""


class SourceSubject(Struct, frozen=True, kw_only=True):
    """A data source, made anew for every check."""

    make_source: Callable[[], Source]
    ticks_max: int = 200
    """How many ticks are looked at."""
    listen_s: float = 5
    """How long ticks are waited for."""


class SignerSubject(Struct, frozen=True, kw_only=True):
    """A signer, and a chain that it signs for.

    What is signed is worthless to whoever finds it: transactions to the signer's own address with a nonce that no
    account reaches, and a message that no contract reads.
    """

    signer: SignerPort
    chain_id: int | None = None


class RouterSubject(Struct, frozen=True, kw_only=True):
    """A router, and a swap that it can offer now."""

    router: RouterPort
    request: SwapRequest | None = None
    sign: Callable[[TypedDataOrder], Awaitable[bytes]] | None = None
    """Signs an order as the request's owner, for routers of an intent protocol. Its orders may be filled."""


class NotifierSubject(Struct, frozen=True, kw_only=True):
    """A notifier that reaches somebody who expects about twenty test notices."""

    notifier: NotifierPort


Subject = ExchangeSubject | SourceSubject | SignerSubject | RouterSubject | NotifierSubject

SUBJECTS: Mapping[Kind, type[Subject]] = {
    Kind.EXCHANGE: ExchangeSubject,
    Kind.DATA_SOURCE: SourceSubject,
    Kind.SIGNER: SignerSubject,
    Kind.ROUTER: RouterSubject,
    Kind.NOTIFIER: NotifierSubject,
}
"""What the checks of each kind take."""
