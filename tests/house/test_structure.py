"""House rules that no linter knows: who may make a permit, who may call a port, what a file may look like."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("appliance", "builtin_plugins", "plugins/readytrader_sdk")
FILES = sorted(path for folder in SHIPPED for path in (ROOT / folder).rglob("*.py"))
TOP_LEVEL = {"appliance", "plugins", "builtin_plugins", "packaging", "systemd", "tests", "hatch.toml", "README.md",
             "LICENSE", "pyproject.toml"}  # fmt: skip
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
KIT = ("plugins/readytrader_sdk/conformance/", "plugins/readytrader_sdk/template/")
MONEY_FOLDERS = ("appliance/domain", "appliance/pipeline", "appliance/paper", "appliance/store")


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(name: str) -> Iterator[str]:
    """Files in which something called `name` is called, as a function, a class or a method."""
    for path in FILES:
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Call):
                callee = node.func
                called = callee.id if isinstance(callee, ast.Name) else getattr(callee, "attr", None)
                if called == name:
                    yield name_of(path)


def importers(library: str) -> set[str]:
    """Files that import a library or a part of it."""
    found = set()
    for path in FILES:
        for node in ast.walk(parse(path)):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            if any(name == library or name.startswith(library + ".") for name in names):
                found.add(name_of(path))
    return found


def test_permits_are_made_in_one_place() -> None:
    assert set(calls("Permit")) == {"appliance/pipeline/decide.py"}
    assert list(calls("Permit")) == ["appliance/pipeline/decide.py"]


def test_only_the_desk_decides() -> None:
    assert set(calls("decide")) == {"appliance/service/desk.py"}


def test_only_execution_asks_a_venue_to_move_value_and_only_a_worker_passes_it_on() -> None:
    passing_on = {path for path in calls("perform") if path.startswith("appliance/plugin_host/")}
    assert passing_on <= {"appliance/plugin_host/gate.py", "appliance/plugin_host/worker/serving.py"}
    assert set(calls("perform")) - passing_on == {"appliance/service/execution.py"}


@pytest.mark.parametrize(
    "method",
    ["place_order", "replace_order", "transfer", "lend", "sign_transaction", "sign_typed_data", "submit_order"],
)
def test_a_call_that_moves_value_is_made_in_the_gate_alone(method: str) -> None:
    """The gate calls them by the names in its table; the conformance kit and the template run beside no core."""
    callers = {path for path in calls(method) if not path.startswith(KIT)}
    assert callers <= {"appliance/plugin_host/gate.py"}


def test_only_the_recorder_appends_to_the_journal_and_applies_events() -> None:
    appending = {path for path in calls("append") if "journal" in path or path == "appliance/service/recorder.py"}
    assert "appliance/service/recorder.py" in appending
    applying = set(calls("apply")) & {path for path in map(name_of, FILES) if path.startswith("appliance/service")}
    assert applying == {"appliance/service/recorder.py"}


@pytest.mark.parametrize(
    ("library", "homes"),
    [
        ("apsw", ("appliance/store/",)),
        ("pluggy", ("appliance/plugin_host/", "plugins/readytrader_sdk/hooks.py")),
        ("mcp", ("appliance/transport/",)),
        ("mcp_types", ("appliance/transport/",)),
        ("uvicorn", ("appliance/transport/",)),
        ("starlette", ("appliance/transport/",)),
        ("click", ("appliance/cli/",)),
        ("rich", ("appliance/cli/",)),
        (
            "cryptography",
            ("appliance/store/", "appliance/plugin_host/", "appliance/bootstrap/", "appliance/service/passwords.py"),
        ),
        ("jwt", ("appliance/service/session_tokens.py",)),
        ("litestar", ("appliance/transport/operator_http/",)),
        ("pyotp", ("appliance/service/one_time_codes.py",)),
        ("webauthn", ("appliance/service/passkeys.py",)),
        ("tomllib", ("appliance/config/",)),
        ("aiohttp", ("appliance/local_exchange/", "builtin_plugins/")),
    ],
)
def test_every_library_has_one_home(library: str, homes: tuple[str, ...]) -> None:
    # The self-test uses every part, to see that it is there.
    strays = {path for path in importers(library) if not path.startswith((*homes, "appliance/selftest.py"))}
    assert not strays


def test_no_float_comes_near_money() -> None:
    """Neither the type nor a literal: a price that was ever a float is not the price."""
    found = []
    for path in FILES:
        if not name_of(path).startswith(MONEY_FOLDERS):
            continue
        for node in ast.walk(parse(path)):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
            is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if is_call or (is_literal and not name_of(path).startswith("appliance/store")):
                found.append(f"{name_of(path)}:{node.lineno}")
    assert not found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES_MAX
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1} lines)"
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and _body_lines(node) > FUNCTION_LINES_MAX
    ]
    assert not long


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body: a long signature is a table, not a long function."""
    return (node.end_lineno or 0) - node.body[0].lineno + 1


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_says_what_it_promises(path: Path) -> None:
    if path.read_text().strip():
        assert ast.get_docstring(parse(path))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_say_something(path: Path) -> None:
    assert not VAGUE_NAMES & {*path.relative_to(ROOT).parts[:-1], path.stem}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_swallowed(path: Path) -> None:
    """No bare `except`, and a broad one raises again, logs the traceback, or says why on its own line."""
    lines = path.read_text().splitlines()
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{name_of(path)}:{node.lineno}: bare except"
            if isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"):
                body = ast.unparse(node)
                told = "raise" in body or "log.exception(" in body or "#" in lines[node.lineno - 1]
                assert told, f"{name_of(path)}:{node.lineno}: says no reason"


def test_no_await_between_fact_and_record() -> None:
    """The step from snapshot to record has no await: nothing can change between a fact and the act upon it."""
    desk = parse(ROOT / "appliance/service/desk.py")
    (step,) = (node for node in ast.walk(desk) if getattr(node, "name", "") == "_decide_and_act")
    positions = {"snapshot": [], "record": [], "await": []}
    for node in ast.walk(step):
        if isinstance(node, ast.Await):
            positions["await"].append(node.lineno)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in positions:
            positions[node.func.attr].append(node.lineno)
    (observed,) = positions["snapshot"]
    permitted = max(positions["record"])
    # Branches that deny or propose return; on the way to the permit's record no await is passed.
    between = [line for line in positions["await"] if observed < line < permitted]
    returns = {line for line in between if _in_branch_that_returns(step, line)}
    assert set(between) == returns


def _in_branch_that_returns(step: ast.AST, line: int) -> bool:
    return any(
        isinstance(node, ast.If)
        and node.lineno <= line <= (node.end_lineno or 0)
        and isinstance(node.body[-1], ast.Return)
        for node in ast.walk(step)
    )


def test_the_top_level_is_what_was_agreed() -> None:
    seen = {path.name for path in ROOT.iterdir() if not path.name.startswith((".", "__")) and path.name != "dist"}
    assert seen == TOP_LEVEL


def test_packaging_and_systemd_shadow_no_real_package() -> None:
    assert not (ROOT / "packaging/__init__.py").exists()
    assert not (ROOT / "systemd/__init__.py").exists()
