"""Loading one plugin: only what was granted is asked, and every trap is refused with the plugin's name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.plugin_host.kinds import Kind
from appliance.plugin_host.messages import Start
from appliance.plugin_host.specs import BuiltIn, Wheels
from tests.wheels.building import placed, plugin_wheel, signed, wheel
from tests.worker.client import BTC, a_source, a_worker, an_exchange, private

HOOK = "from readytrader_sdk.hooks import hookimpl\n@hookimpl"


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import no_such_module", "importing it failed: ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(0)", "importing it failed: SystemExit: 0"),
        ("raise KeyboardInterrupt", "importing it failed: KeyboardInterrupt"),
        ("def", "importing it failed: SyntaxError"),
        ("raise ValueError('one\\ntwo')", "importing it failed: ValueError: one (ValueError at "),
        (f"{HOOK}\ndef register_everything(): ...", "unknown hook 'register_everything'"),
        (f"{HOOK}\ndef register_exchanges(secrets): ...", "PluginValidationError"),
        (f"{HOOK}\ndef register_exchanges(): 1 / 0", "register_exchanges failed: ZeroDivisionError"),
        (f"{HOOK}\ndef register_exchanges(): raise SystemExit", "register_exchanges failed: SystemExit"),
        (f"{HOOK}\ndef register_exchanges(): return ['a']", "register_exchanges must return a mapping, got list"),
        (f"{HOOK}\ndef register_exchanges(): return {{'a': 1}}", "expected names to classes, got 'a': <class 'int'>"),
        (f"{HOOK}\ndef register_exchanges(): return {{'../a': dict}}", "expected names to classes, got '../a'"),
        (f"{HOOK}\ndef register_exchanges(): return {{'other': dict}}", "registers no exchange 'acme', but other"),
        ("x = 1", "it registers no exchange 'acme', but nothing"),
    ],
)
def test_a_broken_plugin_is_named_with_what_is_wrong(tmp_path: Path, code: str, complaint: str) -> None:
    with a_worker(tmp_path, code) as worker:
        reason = worker.refused()
    assert reason.startswith("plugin acme: ")
    assert complaint in reason


@pytest.mark.parametrize("option", ["wrapper=True", "hookwrapper=True"])
def test_a_hook_wrapper_is_refused(tmp_path: Path, option: str) -> None:
    code = f"{HOOK}({option})\ndef register_exchanges():\n    answer = yield\n    return [{{'acme': dict}}]\n"
    with a_worker(tmp_path, code) as worker:
        assert worker.refused() == "plugin acme: register_exchanges is a hook wrapper; plugins may not wrap"


def test_a_kind_that_was_not_granted_is_refused_and_not_asked(tmp_path: Path) -> None:
    code = an_exchange() + "\n@hookimpl\ndef register_signers():\n    print('asked')\n    return {'acme': Acme}\n"
    with a_worker(tmp_path, code) as worker:
        reason = worker.refused()
        assert reason == "plugin acme: it implements register_signers, and signer was not granted"
        assert "asked" not in worker.said()


def test_a_kind_of_another_function_name_is_found_too(tmp_path: Path) -> None:
    code = an_exchange() + "\n@hookimpl(specname='register_signers')\ndef harmless():\n    return {}\n"
    with a_worker(tmp_path, code) as worker:
        assert "it implements register_signers" in worker.refused()


def test_of_several_granted_kinds_only_the_workers_own_is_asked(tmp_path: Path) -> None:
    code = an_exchange() + "\n@hookimpl\ndef register_notifiers():\n    print('asked')\n    return {'acme': Acme}\n"
    with a_worker(tmp_path, code, kinds_granted=(Kind.EXCHANGE, Kind.NOTIFIER)) as worker:
        worker.ready()
        worker.call("balances")
        assert "asked" not in worker.said()


def test_a_worker_of_a_kind_that_was_not_granted_loads_nothing(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), kinds_granted=(Kind.NOTIFIER,)) as worker:
        assert "it implements register_exchanges, and exchange was not granted" in worker.refused()


def test_an_entry_point_that_is_not_a_module_is_refused(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange(), package=BuiltIn(module="pathlib.Path")) as worker:
        assert "plugin acme: importing it failed: ModuleNotFoundError" in worker.refused()


def test_a_plugin_that_says_that_it_is_set_up_wrongly_is_refused_in_its_own_words(tmp_path: Path) -> None:
    init = "def __init__(self, context):\n    raise Misconfigured(f\"speed: got {context.settings['speed']!r}\")"
    with a_worker(tmp_path, an_exchange(init), settings={"speed": "fast"}) as worker:
        assert worker.refused() == "speed: got 'fast'"


def test_a_plugin_that_cannot_start_now_may_start_later(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange("def __init__(self, context):\n    raise Unavailable('no device')")) as worker:
        worker.send(Start(spec=worker.spec))
        assert worker.logged("no device").text == "it cannot start now: no device"
        assert worker.exit_code() == 75


def test_a_plugin_that_raises_when_it_is_made_is_refused(tmp_path: Path) -> None:
    with a_worker(tmp_path, an_exchange("def __init__(self, context):\n    1 / 0")) as worker:
        assert "plugin acme: making it failed: ZeroDivisionError: division by zero" in worker.refused()


def test_a_plugin_is_made_on_a_running_loop(tmp_path: Path) -> None:
    init = "def __init__(self, context):\n    super().__init__(context)\n    self.loop = asyncio.get_running_loop()"
    with a_worker(tmp_path, an_exchange(init)) as worker:
        worker.ready()


@pytest.mark.parametrize(
    ("methods", "complaint"),
    [
        ("place_order = None", "place_order is missing, and every exchange has it"),
        ("place_order = 5", "place_order is no method, but int"),
        ("def place_order(self, order): ...", "place_order must be defined with async def"),
        ("async def place_order(self): ...", "place_order cannot be called with 1 arguments"),
        ("async def place_order(self, order, more): ...", "place_order cannot be called with 1 arguments"),
        ("async def transfer(self, request): ...", "it has a part of TransferPort, but no find_transfer"),
        ("async def find_lending(self, order_id): ...", "it has a part of LendingPort, but no lend"),
        ("def replace_order(self, replaced, order): ...", "replace_order must be defined with async def"),
        ("async def stream_quotes(self, symbols): ...", "stream_quotes must not be a coroutine"),
    ],
)
def test_a_class_that_does_not_fit_its_port_is_refused(tmp_path: Path, methods: str, complaint: str) -> None:
    with a_worker(tmp_path, an_exchange(methods)) as worker:
        assert worker.refused() == f"plugin acme: {complaint}"


@pytest.mark.parametrize(
    ("methods", "complaint"),
    [
        ("async def instruments(self): ...\nasync def stream(self): yield", "instruments must not be a coroutine"),
        ("async def stream(self): return ()", "stream must not be a coroutine"),
        ("async def stream(self): yield\npaper_only = ''", "paper_only must be a name of up to 40 printable"),
        ("async def stream(self): yield\npaper_only = 'a\\nb'", "paper_only must be a name of up to 40 printable"),
        ("async def stream(self): yield\n@property\ndef paper_only(self): 1 / 0", "looking at it failed: ZeroDivision"),
    ],
)
def test_a_source_that_does_not_fit_its_port_is_refused(tmp_path: Path, methods: str, complaint: str) -> None:
    with a_worker(tmp_path, a_source(methods), kind=Kind.DATA_SOURCE) as worker:
        assert complaint in worker.refused()


def test_optional_methods_are_told(tmp_path: Path) -> None:
    methods = """
async def replace_order(self, replaced, order): ...
async def transfer(self, request): ...
async def find_transfer(self, client_order_id): ...
def stream_quotes(self, symbols): ...
"""
    with a_worker(tmp_path, an_exchange(methods)) as worker:
        assert worker.ready().optional_methods == ("replace_order", "transfer", "find_transfer", "stream_quotes")


def test_a_source_of_no_market_of_now_says_so(tmp_path: Path) -> None:
    code = a_source("paper_only = 'replay'\nasync def stream(self): yield")
    with a_worker(tmp_path, code, kind=Kind.DATA_SOURCE) as worker:
        assert worker.ready().paper_only == "replay"


def test_the_built_in_sources_come_through_the_same_door(tmp_path: Path) -> None:
    package = BuiltIn(module="builtin_plugins.sample_source")
    with a_worker(tmp_path, "", kind=Kind.DATA_SOURCE, plugin="sample", package=package) as worker:
        assert worker.ready().paper_only == "sample"
        assert [one["symbol"] for one in worker.call("instruments")] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]


def a_wheel(folder: Path, code: str, files: Mapping[str, str] | None = None) -> Wheels:
    """The code as a signed wheel of the plugin acme, in a plugins folder."""
    built = plugin_wheel(folder / "build", code, files=files)
    return placed(private(folder / "home"), signed(folder / "build", built))


def test_a_dependency_that_is_the_appliances_own_is_told(tmp_path: Path) -> None:
    build = tmp_path / "build"
    dependency = wheel(build, {"hypothesis/__init__.py": "", "tiny_dep.py": ""}, name="tiny-dep")
    own = signed(build, plugin_wheel(build, an_exchange(), requires=("tiny-dep",)), (dependency,))
    package = placed(private(tmp_path / "home"), own, (dependency,))
    with a_worker(tmp_path, "", package=package) as worker:
        worker.ready()
        assert worker.logged("the appliance's own").text.endswith("own: hypothesis")


def test_a_plugin_from_a_wheel_is_verified_and_served(tmp_path: Path) -> None:
    find = "async def find_order(self, order_id, symbol):\n    from acme import inner\n    return report(inner.NAME)"
    package = a_wheel(tmp_path, an_exchange(find), {"acme/inner.py": "NAME = 'from the wheel'\n"})
    with a_worker(tmp_path, "", package=package) as worker:
        worker.ready()
        assert worker.call("find_order", "rt1", BTC)["client_order_id"] == "from the wheel"


def test_a_wheel_that_changed_after_it_was_installed_is_not_imported(tmp_path: Path) -> None:
    package = a_wheel(tmp_path, an_exchange(top="print('imported')"))
    path = Path(package.folder) / package.wheel
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with a_worker(tmp_path, "", package=package) as worker:
        assert "is not the file that was installed" in worker.refused()
        assert "imported" not in worker.said()


def test_a_wheel_that_was_signed_under_another_name_is_refused(tmp_path: Path) -> None:
    with a_worker(tmp_path, "", package=a_wheel(tmp_path, an_exchange()), plugin="other") as worker:
        assert worker.refused() == "plugin other: its publisher signed a plugin acme"


def test_a_wheel_gets_no_kind_that_its_publisher_never_claimed(tmp_path: Path) -> None:
    granted = (Kind.EXCHANGE, Kind.SIGNER)
    with a_worker(tmp_path, "", package=a_wheel(tmp_path, an_exchange()), kinds_granted=granted) as worker:
        assert worker.refused() == "plugin acme: signer was granted and never claimed"
