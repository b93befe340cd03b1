"""Every error of ccxt's has a verdict of its own, and a venue's words go no further than that."""

from __future__ import annotations

import asyncio
import inspect
import socket
from types import SimpleNamespace

import aiohttp
import pytest

from builtin_plugins.ccxt_exchange.errors import TABLE, Verdict, judged, says_not_found
from builtin_plugins.ccxt_loading.parents import stand_in

stand_in()
from ccxt.base import errors as ccxt_errors  # noqa: E402 - after the stand-ins, as in a worker

CLASSES: dict[str, type[Exception]] = {
    name: found
    for name, found in vars(ccxt_errors).items()
    if inspect.isclass(found) and issubclass(found, ccxt_errors.BaseError)
}
MAY_HAVE_HAPPENED = {
    "BaseError", "ExchangeError", "OperationFailed", "NetworkError", "ExchangeNotAvailable", "OnMaintenance",
    "RequestTimeout", "BadResponse", "NullResponse", "ChecksumError", "CancelPending", "UnsubscribeError",
    "DuplicateOrderId", "OrderNotFound", "OrderNotCached",
}  # fmt: skip


def test_every_class_of_ccxts_is_in_the_table_and_no_other() -> None:
    assert TABLE.keys() == CLASSES.keys()


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_has_exactly_its_own_verdict(name: str) -> None:
    found = judged(CLASSES[name]("words of the venue's"))
    assert (found.verdict is Verdict.UNKNOWN) == (name in MAY_HAVE_HAPPENED)
    assert "words" not in str(found)


def test_a_class_that_the_table_does_not_name_is_unknown_whatever_it_descends_from() -> None:
    newer = type("Newer", (CLASSES["InsufficientFunds"],), {})
    assert judged(newer()).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), ValueError("x"), asyncio.CancelledError()])
def test_what_is_not_ccxts_is_unknown(error: BaseException) -> None:
    assert judged(error).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("name", "text", "verdict"),
    [
        ("InvalidOrder", 'binance {"code":-2010,"msg":"Duplicate order sent."}', Verdict.UNKNOWN),
        ("InvalidOrder", 'okx {"code":"1","data":[{"sCode":"51016","sMsg":"x"}]}', Verdict.UNKNOWN),
        ("InvalidOrder", 'binance {"code":-2010,"msg":"Stop price would trigger immediately."}', Verdict.REFUSED),
        ("BadRequest", 'binance {"code":-1007,"msg":"Timeout; execution status unknown."}', Verdict.UNKNOWN),
        ("ExchangeError", 'kraken {"error":["EOrder:Post only order"]}', Verdict.REFUSED),
        ("ExchangeError", 'kraken {"error":["EService:Deadline elapsed"]}', Verdict.UNKNOWN),
        ("ExchangeError", 'binance {"code":-9999,"msg":"?"}', Verdict.UNKNOWN),
    ],
)
def test_words_of_a_venue_change_a_verdict_only_where_that_is_written_down(
    name: str, text: str, verdict: Verdict
) -> None:
    assert judged(CLASSES[name](text)).verdict is verdict


def from_ccxt(name: str, cause: BaseException) -> BaseException:
    error: BaseException = CLASSES[name]("binance POST https://api.binance.com/api/v3/order?signature=5")
    error.__cause__ = cause
    return error


def unconnected(cause: OSError) -> aiohttp.ClientConnectorError:
    key = SimpleNamespace(host="api.binance.com", port=443, ssl=True, is_ssl=True)
    return aiohttp.ClientConnectorError(key, cause)  # type: ignore[arg-type] # the fields that it reads


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (unconnected(ConnectionRefusedError(111, "refused")), Verdict.NOT_SENT),
        (aiohttp.ConnectionTimeoutError("connecting"), Verdict.NOT_SENT),
        (socket.gaierror(-2, "unknown"), Verdict.NOT_SENT),
        (aiohttp.ServerDisconnectedError(), Verdict.UNKNOWN),
        (aiohttp.ClientOSError(104, "reset"), Verdict.UNKNOWN),
        (aiohttp.SocketTimeoutError("reading"), Verdict.UNKNOWN),
        (TimeoutError(), Verdict.UNKNOWN),
    ],
)
def test_only_what_never_had_a_connection_was_not_sent(cause: BaseException, verdict: Verdict) -> None:
    for name in ("ExchangeNotAvailable", "RequestTimeout"):
        assert judged(from_ccxt(name, cause)).verdict is verdict


def test_a_host_that_was_not_granted_is_named_and_the_address_with_its_signature_is_not() -> None:
    told = str(judged(from_ccxt("ExchangeNotAvailable", unconnected(PermissionError(13, "not granted")))))
    assert told == "api.binance.com:443: this host was not granted"


def test_what_is_not_there_is_told_from_what_is_refused() -> None:
    assert says_not_found(CLASSES["OrderNotFound"]("x"))
    assert says_not_found(CLASSES["InvalidOrder"]('kraken {"error":["EOrder:Unknown order"]}'))
    assert not says_not_found(CLASSES["InvalidOrder"]('kraken {"error":["EOrder:Invalid price"]}'))
    assert not says_not_found(CLASSES["ExchangeNotAvailable"]("Unknown order"))
