"""Which variables are ours, what is refused by name, and that no secret is ever repeated."""

from __future__ import annotations

import pytest

from appliance.config import ConfigurationError, load
from appliance.config.names import PROCESS_VARIABLES, edits, looks_like_ours
from appliance.config.tools import TOOLS
from appliance.config.unsupported import PLAIN_NAMES, UNSUPPORTED
from appliance.transport.tools import CATALOG

CANARY = "canary-5f3a9c"

EXAMPLES = [
    *PLAIN_NAMES,
    "ALLOW_ROUTERS_ETHEREUM",
    "EVM_RPC_URL_BASE",
    "CEX_API_KEY",
    "CEX_API_SECRET",
    "CEX_API_PASSWORD",
    "CEX_BINANCE_API_KEY",
    "CEX_KUCOIN_API_PASSWORD",
]


def test_every_unsupported_variable_has_an_example_here():
    assert all(any(entry.names(example) for example in EXAMPLES) for entry in UNSUPPORTED)


@pytest.mark.parametrize("variable", EXAMPLES)
def test_a_known_variable_that_nothing_would_honour_is_refused_without_its_value(refused, variable):
    (problem,) = refused("", {variable: CANARY})
    assert problem.setting == variable
    assert "not supported by this version" in problem.text
    assert CANARY not in str(problem)


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("DISCORD_WEBHOOK_URL", "readytrader plugin secret NAME webhook_url"),
        ("PRIVATE_KEY", "readytrader plugin secret NAME private_key"),
        ("KEYSTORE_PASSWORD", "readytrader plugin secret NAME password"),
        ("KEYSTORE_PATH", "[[signer]]"),
        ("SIGNER_TYPE", "[[signer]]"),
    ],
)
def test_a_variable_whose_place_is_a_worker_is_refused_with_that_place(refused, variable, place):
    (problem,) = refused("", {variable: CANARY})
    assert place in problem.text


@pytest.mark.parametrize("variable", EXAMPLES)
def test_an_empty_variable_of_a_part_that_does_not_exist_is_no_problem(variable):
    assert load(None, {variable: ""}).digest == load(None, {}).digest


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SIGNER_TYPE", "env_private_key"),
        ("STORE_BACKEND", "sqlite"),
        ("OTEL_ENABLED", "false"),
        ("API_HOST", "127.0.0.1"),
        ("API_PORT", "8000"),
        ("API_JWT_EXPIRATION_HOURS", "12"),
        ("MARKETDATA_FAIL_CLOSED", "true"),
        ("TICKER_CACHE_TTL_SEC", "5"),
    ],
)
def test_a_value_that_says_what_this_version_does_anyway_is_no_problem(variable, text):
    assert load(None, {variable: text}).digest == load(None, {}).digest


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SIGNER_TYPE", "keystore"),
        ("STORE_BACKEND", "memory"),
        ("API_HOST", "0.0.0.0"),
        ("API_JWT_SECRET", "hunter2"),
        ("API_ADMIN_USERNAME", "admin"),
        ("API_ADMIN_PASSWORD_HASH", "$2b$12$abc"),
        ("CORS_ORIGINS", "*"),
        ("MARKETDATA_FAIL_CLOSED", "false"),
    ],
)
def test_a_value_that_says_otherwise_is_refused(refused, variable, text):
    (problem,) = refused("", {variable: text})
    assert problem.setting == variable


@pytest.mark.parametrize(
    "variable",
    [
        "PATH", "HOME", "LANG", "LC_ALL", "PWD", "SHELL", "USER", "TERM", "HOSTNAME", "TZ", "VIRTUAL_ENV", "LS_COLORS",
        "http_proxy", "PYTHONPATH", "INVOCATION_ID", "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET",
        "API_KEY", "API_URL", "API_TIMEOUT_MS", "MAX_THINKING_TOKENS", "MAX_MCP_OUTPUT_TOKENS", "DATABASE_URL",
        "REDIS_URL", "OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT", "PORT", "HOST", "DEBUG", "LOG_LEVEL",
        "SSH_PRIVATE_KEY_PATH", "EXECUTION", "MARKET", "TRADING_DESK",
    ],
)  # fmt: skip
def test_a_variable_of_another_program_is_ignored(variable):
    assert not looks_like_ours(variable)
    assert load(None, {variable: CANARY}).digest == load(None, {}).digest


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("MAX_POSITION_PCT", "READYTRADER_LIMITS_POSITION_MAX_PCT"),
        ("MAX_TRADE_AMOUNT_", "MAX_TRADE_AMOUNT"),
        ("ALLOW_EXCHANGE", "ALLOW_EXCHANGES"),
        ("ALLOW_SYMBOLS", "ALLOW_CEX_SYMBOLS"),
        ("RATE_LIMIT_DEFAULT", "RATE_LIMIT_DEFAULT_PER_MIN"),
        ("paper_mode", "PAPER_MODE"),
        ("PAPERMODE", "PAPER_MODE"),
        ("TRADING_HALT", "TRADING_HALTED"),
        ("LIVE_TRADING", "LIVE_TRADING_ENABLED"),
        ("READYTRADER_CONFG", "READYTRADER_CONFIG"),
        ("PRIVATEKEY", "PRIVATE_KEY"),
    ],
)
def test_a_variable_that_looks_like_ours_is_refused_with_the_one_that_was_meant(refused, variable, suggestion):
    (problem,) = refused("", {variable: CANARY})
    assert problem.setting == variable
    assert problem.text.startswith("unknown variable")
    assert CANARY not in str(problem)
    if variable != "MAX_POSITION_PCT":
        assert problem.text == f"unknown variable; did you mean {suggestion}?"


@pytest.mark.parametrize("variable", ["MAX_DAILY_LOSS", "SIGNER_FOO", "MARKETDATA_FOO", "CEX_FOO", "READYTRADER_FOO"])
def test_a_variable_with_a_prefix_of_ours_is_refused_even_when_it_is_like_no_other(refused, variable):
    (problem,) = refused("", {variable: "1"})
    assert problem.setting == variable


def test_the_variables_of_the_command_line_are_no_settings():
    assert load(None, dict.fromkeys(PROCESS_VARIABLES, CANARY)).digest == load(None, {}).digest


def test_a_rate_for_a_tool_that_does_not_exist_is_refused(refused):
    (problem,) = refused("", {"RATE_LIMIT_PLACE_CEX_ODER_PER_MIN": "5"})
    assert problem.text == "unknown tool; did you mean place_cex_order?"
    (problem,) = refused("[rate_limits.tool_per_min]\nplace_oder = 5\n")
    assert problem.text.startswith("unknown tool")


def test_every_tool_that_agents_see_can_be_given_a_rate():
    assert set(CATALOG) <= TOOLS


def test_a_rate_of_every_tool_arrives():
    environ = {f"RATE_LIMIT_{tool.upper()}_PER_MIN": "7" for tool in TOOLS}
    assert load(None, environ).rate_limits.tool_per_min == dict.fromkeys(sorted(TOOLS), 7)


def test_names_with_control_characters_are_told_escaped(refused):
    problems = refused('"\\u001b[2J" = 1\n', {"MAX_\x1b[2J": "1", "ALLOW_\udcff": "1"})
    assert len(problems) == 3
    assert all(str(one).isascii() and str(one).isprintable() for one in problems)


def test_secrets_in_the_file_are_refused_without_their_value(refused):
    toml = f"""private_key = "{CANARY}"
[signer]
password = "{CANARY}"
[[source]]
name = "a"
plugin = "sample"
api_key = "{CANARY}"
[source.settings]
api_secret = "{CANARY}"
[[source]]
name = "b"
plugin = "sample"
settings = "{CANARY}"
"""
    problems = refused(toml)
    assert [one.setting for one in problems] == [
        "private_key",
        "source.api_key",
        "source.settings",
        "source.settings",
        "signer",
    ]
    assert CANARY not in "".join(str(one) for one in problems)


def test_what_is_shown_of_a_configuration_holds_no_setting_of_a_plugin(loaded):
    configuration = loaded(f'[[source]]\nname = "a"\nplugin = "replay"\n[source.settings]\npath = "{CANARY}"\n')
    assert configuration.sources[0].settings == {"path": CANARY}
    assert CANARY not in repr(configuration.effective)


@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [
        ("", "", 0),
        ("", "ab", 2),
        ("ab", "ba", 1),
        ("abc", "abd", 1),
        ("abc", "ab", 1),
        ("kitten", "sitting", 3),
        ("ca", "abc", 3),
    ],
)
def test_edits_are_insertions_deletions_replacements_and_swaps(left, right, distance):
    assert edits(left, right) == edits(right, left) == distance


def test_the_message_of_the_error_holds_every_problem():
    with pytest.raises(ConfigurationError) as refusal:
        load(None, {"PAPER_MODE": "maybe", "RISK_PROFILE": "none"})
    assert str(refusal.value).splitlines() == [str(one) for one in refusal.value.problems]
    assert len(refusal.value.problems) == 2
