"""One exchange of ccxt is loaded by itself, and any of them can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from readytrader_sdk.egress import Endpoint, HttpAllowance

from builtin_plugins.ccxt_loading import UnknownExchange, address_of, exchange_class
from builtin_plugins.ccxt_loading.address import led_to

ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path and Path(path).is_dir())}


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("streaming", [False, True])
def test_only_the_exchange_asked_for_is_loaded_and_not_what_only_its_blocking_half_needs(*, streaming: bool) -> None:
    program = f"""
import sys
from builtin_plugins.ccxt_loading import exchange_class
exchange_class("kraken", streaming={streaming})
print(len([n for n in sys.modules if n.startswith("ccxt.")]), *sorted({{"requests", "uvloop"}} & set(sys.modules)))
print("ccxt.async_support.binance" in sys.modules, "ccxt.kraken" in sys.modules)
"""
    first, second = run(program).splitlines()
    assert int(first) <= 30
    assert second == "False False"


def test_every_exchange_of_ccxt_loads_and_streams_where_ccxt_does() -> None:
    program = """
from importlib.util import find_spec
from pathlib import Path
from builtin_plugins.ccxt_loading.classes import exchange_class, streams
folder = Path(find_spec("ccxt").submodule_search_locations[0])
names = sorted(path.stem for path in (folder / "async_support").glob("*.py") if path.stem != "__init__")
for name in names:
    assert exchange_class(name).__name__ == name
streaming = [name for name in names if streams(name)]
for name in streaming:
    found = exchange_class(name, streaming=True)
    assert (found.__name__, hasattr(found, "watch")) == (name, True)
print(len(names), len(streaming))
"""
    names, streaming = map(int, run(program).split())
    assert names >= 100
    assert streaming >= 70


def test_ccxt_itself_still_works_after_one_exchange_of_it_was_loaded() -> None:
    program = """
from builtin_plugins.ccxt_loading import exchange_class
loaded = exchange_class("kraken", streaming=True)
import ccxt.pro
from ccxt import ExchangeError, NetworkError
from ccxt.base.errors import ExchangeError as same
assert ExchangeError is same and ccxt.pro.kraken is loaded and issubclass(NetworkError, ccxt.BaseError)
assert ccxt.async_support.binance.__name__ == "binance"
"""
    run(program)


@pytest.mark.parametrize("name", ["", "base", "prediction", "Kraken", "a.b", "../kraken", "nosuch", "kraken\n"])
def test_a_name_that_is_no_exchanges_is_refused(name: str) -> None:
    with pytest.raises(UnknownExchange):
        exchange_class(name)


HOME = HttpAllowance(private_hosts=(Endpoint("127.0.0.1", 8090),), hosts=(Endpoint("proxy.example.com", 443),))


def test_every_url_leads_to_the_address_that_was_given_and_keeps_its_path() -> None:
    address = address_of("http://127.0.0.1:8090", HOME)
    urls = {"api": {"rest": "https://{hostname}/v5", "ws": ["wss://stream.example.com:9443/ws"]}, "logo": None}
    assert led_to(address, urls) == {
        "api": {"rest": "http://127.0.0.1:8090/v5", "ws": ["ws://127.0.0.1:8090/ws"]},
        "logo": None,
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8091",
        "http://proxy.example.com:443",
        "https://evil.example.com",
        "https://u:p@proxy.example.com",
        "https://proxy.example.com/path",
        "https://proxy.example.com?x=1",
        "ws://127.0.0.1:8090",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "127.0.0.1:8090",
        "",
    ],
)
def test_an_address_that_was_not_granted_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected|not among|http is for"):
        address_of(url, HOME)
