"""Which environment variables are ours, and what somebody meant who misspelt one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from appliance.config.settings import FAMILIES, SETTINGS
from appliance.config.unsupported import PLAIN_NAMES, SHARED_NAMES, TRACING_NAMES
from appliance.home import CONFIG_VARIABLE, HOME_VARIABLE, TOKEN_VARIABLE

PROCESS_VARIABLES = frozenset({HOME_VARIABLE, CONFIG_VARIABLE, TOKEN_VARIABLE})
"""Ours, and read by the command line before any configuration."""

_OURS = (
    "READYTRADER_", "MAX_", "ALLOW_", "RATE_LIMIT_", "MARKETDATA_", "TICKER_CACHE_", "SIGNER_", "REMOTE_SIGNER_",
    "MPC_SIGNER_", "KEYSTORE_", "CEX_", "DEX_", "ONEINCH_", "EVM_RPC_", "EXECUTION_", "RISK_PROFILE", "PAPER_MODE",
    "LIVE_TRADING", "TRADING_HALTED", "STORE_BACKEND", "API_HOST", "API_PORT", "API_JWT_", "API_ADMIN_",
)  # fmt: skip

FOREIGN_NAMES = frozenset({"MAX_THINKING_TOKENS", "MAX_MCP_OUTPUT_TOKENS", "MAX_STRUCTURED_OUTPUT_RETRIES"})
"""Set by agent hosts for themselves and inherited by what they start; they would look like limits of ours."""

_KNOWN = (*(setting.environment for setting in SETTINGS), *PLAIN_NAMES, *PROCESS_VARIABLES)

EDITS_MAX = 2
"""A name this many edits away from one of ours is taken for a misspelling of it (one edit for short names)."""
_SHORT = 9
_EDITS_ALLOWED = [(known, 1 if len(known) < _SHORT else EDITS_MAX) for known in _KNOWN]


def looks_like_ours(variable: str) -> bool:
    """Whether an unknown variable must be a mistake rather than another program's.

    A limit that somebody believes to be set is worse than a refusal to start: everything with a prefix of ours, and
    everything within `EDITS_MAX` edits of a known name, in any case of letters.
    """
    if variable in SHARED_NAMES | FOREIGN_NAMES | TRACING_NAMES:
        return False
    upper = variable.upper()
    if upper.startswith(_OURS):
        return True
    letters = set(upper)
    return any(
        _may_be_near(upper, letters, known, most) and edits(upper, known) <= most for known, most in _EDITS_ALLOWED
    )


def suggest_variable(variable: str) -> str | None:
    """The known variable that was probably meant."""
    families = [family.affixes for family in FAMILIES]
    return suggest(variable.upper(), [*_KNOWN, *(f"{before}...{after}" for before, after in families)])


def suggest(name: str, known: Iterable[str]) -> str | None:
    """The nearest of the known names, where one is near."""
    import difflib  # needed only to word a refusal

    found = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _may_be_near(name: str, letters: set[str], known: str, edits_max: int) -> bool:
    """A cheap bound, passed by few: one edit changes the length by one and takes or brings one letter at most."""
    return (
        abs(len(name) - len(known)) <= edits_max
        and len(letters.difference(known)) <= edits_max
        and len(set(known) - letters) <= edits_max
    )


def edits(left: Sequence[str], right: Sequence[str]) -> int:
    """The optimal string alignment distance: Levenshtein's, with swapped neighbours as one edit."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]
