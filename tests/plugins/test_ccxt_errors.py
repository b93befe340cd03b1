"""Every error of ccxt's has a verdict of its own, and a venue's words go no further than that."""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
from types import SimpleNamespace

import aiohttp
import pytest

from builtin_plugins.ccxt_exchange.errors import TABLE, Verdict, judged, says_not_found
from builtin_plugins.ccxt_loading import exchange_class
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
        ("BadRequest", 'binance {"code":-4115,"msg":"x"}', Verdict.UNKNOWN),
        ("InvalidOrder", 'okx {"code":"1","data":[{"sCode":"51016","sMsg":"x"}]}', Verdict.UNKNOWN),
        ("InvalidOrder", 'okx {"code":"1","data":[{"sCode":"51011","sMsg":"x"}]}', Verdict.UNKNOWN),
        ("InvalidOrder", 'okx {"code":"1","data":[{"sCode":"51020","sMsg":"below the minimum"}]}', Verdict.REFUSED),
        ("InvalidOrder", 'okx {"code":"1","data":[{"sCode":"51137","sMsg":"at most 51016"}]}', Verdict.REFUSED),
        ("BadRequest", 'bybit {"retCode":10014,"retMsg":"x"}', Verdict.UNKNOWN),
        ("InvalidOrder", 'bybit {"retCode":110072,"retMsg":"x"}', Verdict.UNKNOWN),
        ("InvalidOrder", 'bybit {"retCode":170141,"retMsg":"x"}', Verdict.UNKNOWN),
        ("InvalidOrder", 'bybit {"retCode":170146,"retMsg":"Order creation timeout"}', Verdict.UNKNOWN),
        ("BadRequest", 'bybit {"retCode":170035,"retMsg":"Submitted to the system for processing!"}', Verdict.UNKNOWN),
        ("InvalidOrder", 'bybit {"retCode":170140,"retMsg":"below the minimum"}', Verdict.REFUSED),
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


@pytest.mark.parametrize(
    ("venue", "code", "verdict"),
    [
        ("bybit", "170146", Verdict.UNKNOWN),
        ("bybit", "170035", Verdict.UNKNOWN),
        ("bybit", "170007", Verdict.UNKNOWN),
        ("bybit", "10016", Verdict.UNKNOWN),
        ("bybit", "170141", Verdict.UNKNOWN),
        ("bybit", "170131", Verdict.REFUSED),
        ("okx", "50004", Verdict.UNKNOWN),
        ("okx", "50026", Verdict.UNKNOWN),
        ("okx", "51149", Verdict.UNKNOWN),
        ("okx", "51016", Verdict.UNKNOWN),
        ("okx", "51020", Verdict.REFUSED),
        ("okx", "51008", Verdict.REFUSED),
        ("binance", "-1000", Verdict.UNKNOWN),
        ("binance", "-1001", Verdict.UNKNOWN),
        ("binance", "-1006", Verdict.UNKNOWN),
        ("binance", "-1007", Verdict.UNKNOWN),
        ("binance", "-1003", Verdict.NOT_SENT),
        ("binance", "-1021", Verdict.REFUSED),
        ("binance", "-2010", Verdict.REFUSED),
    ],
)
def test_a_venues_own_code_is_judged_as_its_documentation_has_it(venue: str, code: str, verdict: Verdict) -> None:
    """Through ccxt's own reading of the venue's answer, which gives the code its class."""
    api = exchange_class(venue)()
    shapes = {
        "binance": {"code": int(code), "msg": "x"},
        "okx": {"code": "1", "data": [{"sCode": code, "sMsg": "x"}], "msg": ""},
        "bybit": {"retCode": int(code), "retMsg": "x", "result": {}},
    }
    told = shapes[venue]
    body = json.dumps(told, separators=(",", ":"))
    with pytest.raises(CLASSES["BaseError"]) as raised:
        api.handle_errors(400, "Bad Request", "https://x/order", "POST", {}, body, told, {}, "")
    assert judged(raised.value).verdict is verdict


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
