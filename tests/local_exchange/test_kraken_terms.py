"""Kraken's names, signatures and checksums are the venue's own, down to the letter."""

from __future__ import annotations

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from readytrader_sdk.instruments import Symbol
from readytrader_sdk.market import Level

from appliance.local_exchange.kraken_book import checksum
from appliance.local_exchange.kraken_keys import signature
from appliance.local_exchange.kraken_names import KrakenNames, asset_altname, asset_id, order_number, order_txid
from tests.local_exchange.ground import instrument

RECORDED = Path(os.environ.get("READYTRADER_RECORDINGS", "/work/shared/data")) / "kraken-http-asset-pairs.json"
# The example of docs.kraken.com, Spot REST Authentication.
EXAMPLE_SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
EXAMPLE_BODY = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
EXAMPLE_SIGNATURE = "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ=="


def test_the_example_of_the_documentation_has_the_signature_of_the_documentation() -> None:
    assert signature("/0/private/AddOrder", "1616492376594", EXAMPLE_BODY, EXAMPLE_SECRET) == EXAMPLE_SIGNATURE


def test_the_example_book_of_the_documentation_has_the_checksum_of_the_documentation() -> None:
    pair = KrakenNames([instrument(Symbol("XYZ/USD"), price_increment="0.00001", quantity_increment="0.00000001")])
    size = Decimal("0.000005")
    asks = tuple(Level(Decimal(price).scaleb(-5), size) for price in range(5005, 5055, 5))
    bids = tuple(
        Level(Decimal(price).scaleb(-5), size) for price in (5000, 4995, 4990, 4980, 4975, 4970, 4965, 4960, 4955, 4950)
    )
    assert checksum(pair.pairs[0], asks, bids) == 974947235


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("BTC/USD", ("XXBTZUSD", "XBTUSD", "XBT/USD")),
        ("BTC/USDT", ("XBTUSDT", "XBTUSDT", "XBT/USDT")),
        ("ETH/USDT", ("ETHUSDT", "ETHUSDT", "ETH/USDT")),
        ("ETH/BTC", ("XETHXXBT", "ETHXBT", "ETH/XBT")),
        ("SOL/USD", ("SOLUSD", "SOLUSD", "SOL/USD")),
    ],
)
def test_a_pair_is_found_under_each_of_its_names(symbol: str, names: tuple[str, str, str]) -> None:
    found = KrakenNames([instrument(Symbol(symbol))])
    pair = found.pairs[0]
    assert (pair.id, pair.altname, pair.wsname) == names
    assert all(found.find(name) is pair for name in (*names, symbol, symbol.lower()))
    assert found.find("XBTDOGE") is None


def test_early_assets_have_a_letter_in_front_and_an_altname() -> None:
    assert [asset_id(name) for name in ("BTC", "ETH", "USD", "USDT", "DOGE")] == [
        "XXBT",
        "XETH",
        "ZUSD",
        "USDT",
        "XXDG",
    ]
    assert [asset_altname(name) for name in ("BTC", "ETH", "USD")] == ["XBT", "ETH", "USD"]


def test_an_order_has_one_id_and_gets_its_number_back() -> None:
    txids = {order_txid(number) for number in range(1_000_000, 1_002_000)}
    assert len(txids) == 2000
    assert all(order_txid(order_number(txid) or 0) == txid for txid in txids)


@pytest.mark.parametrize("text", ["", "OZZZZZ-ZZZZZ-ZZZZZ", "TZZZZZ-ZZZZZ-ZZZZZZ", "O11111-ZZZZZ-ZZZZZZ", "1000001"])
def test_a_text_that_is_no_order_id_has_no_number(text: str) -> None:
    assert order_number(text) is None


@pytest.mark.skipif(not RECORDED.exists(), reason="the recording is not here")
def test_a_pair_is_named_as_in_the_recorded_answer_of_the_venue() -> None:
    recorded = json.loads(RECORDED.read_text())["result"]["XBTUSDT"]
    pair = KrakenNames([instrument(Symbol("BTC/USDT"), price_increment="0.1")]).pairs[0]
    assert (pair.altname, pair.wsname) == (recorded["altname"], recorded["wsname"])
    assert (asset_id("BTC"), asset_id("USDT")) == (recorded["base"], recorded["quote"])
    assert pair.price_decimals == recorded["pair_decimals"]
