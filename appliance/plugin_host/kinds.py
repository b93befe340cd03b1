"""The five kinds of plugin, and every method that the core may call in a worker: types, patience, and what it moves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from readytrader_sdk.instruments import Instrument, Symbol
from readytrader_sdk.kinds import Kind as Kind
from readytrader_sdk.market import Tick
from readytrader_sdk.orders import Balance, ClientOrderId, ExecutionReport, OrderRequest
from readytrader_sdk.ports import (
    Finding,
    KeyRights,
    LendingRequest,
    Notice,
    OrderSubmission,
    Plan,
    RouteQuote,
    SwapRequest,
    TransactionRequest,
    TransferRequest,
    TypedDataRequest,
)

from appliance.domain.decision import Action

HOOKS: Mapping[Kind, str] = {
    Kind.DATA_SOURCE: "register_data_sources",
    Kind.EXCHANGE: "register_exchanges",
    Kind.ROUTER: "register_routers",
    Kind.SIGNER: "register_signers",
    Kind.NOTIFIER: "register_notifiers",
}


class Method(Struct, frozen=True, kw_only=True):
    """One method of a port as it goes over the wire: positional arguments, one result (or a stream of them)."""

    kind: Kind
    name: str
    takes: tuple[Any, ...]
    gives: Any
    """The type of the result; of a stream, of one item."""
    timeout_s: float
    action: Action | None = None
    """What it does to value: such a call needs a permit for this action, and is never made twice."""
    streams: bool = False
    optional: bool = False
    """Whether the method belongs to a port that not every plugin of the kind has."""


_Types = tuple[Any, ...]
_Report = ExecutionReport
_Found = ExecutionReport | None
_X, _S, _R = Kind.EXCHANGE, Kind.SIGNER, Kind.ROUTER


def _read(kind: Kind, name: str, takes: _Types, gives: Any, timeout_s: float, *, optional: bool = False) -> Method:
    return Method(kind=kind, name=name, takes=takes, gives=gives, timeout_s=timeout_s, optional=optional)


def _move(
    kind: Kind, name: str, takes: _Types, gives: Any, timeout_s: float, action: Action, *, optional: bool = True
) -> Method:
    return Method(kind=kind, name=name, takes=takes, gives=gives, timeout_s=timeout_s, action=action, optional=optional)


def _stream(kind: Kind, name: str, takes: _Types, gives: Any, *, optional: bool = False) -> Method:
    return Method(kind=kind, name=name, takes=takes, gives=gives, timeout_s=0, streams=True, optional=optional)


METHODS: Mapping[tuple[Kind, str], Method] = {
    (method.kind, method.name): method
    for method in (
        _read(_X, "instruments", (), tuple[Instrument, ...], 60),
        _move(_X, "place_order", (OrderRequest,), _Report, 10, Action.PLACE, optional=False),
        _read(_X, "cancel_order", (ClientOrderId, Symbol), _Report, 10),
        _read(_X, "find_order", (ClientOrderId, Symbol), _Found, 10),
        _read(_X, "open_orders", (), tuple[ExecutionReport, ...], 30),
        _read(_X, "balances", (), tuple[Balance, ...], 30),
        _move(_X, "replace_order", (ClientOrderId, OrderRequest), _Report, 10, Action.REPLACE),
        _read(_X, "cancel_all_after", (int,), None, 10, optional=True),
        _move(_X, "transfer", (TransferRequest,), _Report, 30, Action.TRANSFER),
        _read(_X, "find_transfer", (ClientOrderId,), _Found, 10, optional=True),
        _move(_X, "lend", (LendingRequest,), _Report, 30, Action.LEND),
        _read(_X, "find_lending", (ClientOrderId,), _Found, 10, optional=True),
        _stream(_X, "stream_quotes", (tuple[Symbol, ...],), Tick, optional=True),
        _stream(_X, "stream_reports", (), _Report, optional=True),
        _read(_X, "cancel_all_orders", (), None, 30, optional=True),
        _read(_X, "key_rights", (), KeyRights, 30, optional=True),
        _read(_X, "venue_time", (), datetime, 10, optional=True),
        _read(_X, "caveats", (), tuple[str, ...], 10, optional=True),
        _read(_S, "address", (), str, 30),
        _move(_S, "sign_transaction", (TransactionRequest,), bytes, 180, Action.SIGN_TRANSACTION, optional=False),
        _move(_S, "sign_typed_data", (TypedDataRequest,), bytes, 180, Action.SIGN_TYPED_DATA),
        _read(_R, "quote", (SwapRequest,), RouteQuote, 10),
        _read(_R, "prepare", (SwapRequest, RouteQuote), Plan, 10),
        _read(_R, "verify", (SwapRequest, Plan), tuple[Finding, ...], 10),
        _move(_R, "submit_order", (OrderSubmission,), _Report, 10, Action.SUBMIT),
        _read(_R, "find_submission", (ClientOrderId,), _Found, 10, optional=True),
        _read(_R, "prepare_cancellation", (ClientOrderId,), Plan, 10, optional=True),
        _read(_R, "cancel_submission", (ClientOrderId, bytes | None), _Report, 10, optional=True),
        _read(Kind.DATA_SOURCE, "instruments", (), tuple[Instrument, ...], 60),
        _stream(Kind.DATA_SOURCE, "stream", (), Tick),
        _read(Kind.NOTIFIER, "notify", (Notice,), None, 10),
    )
}
"""Everything that can be asked of a worker. What is not here cannot be called."""
