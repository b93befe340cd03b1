"""What stands before every table of the file: paper or real money, and where the limits start from."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import SEED, setting
from appliance.config.values import ExecutionMode, RiskProfile

PAPER_MODE = setting(
    "paper_mode",
    forms.boolean(),
    "Paper money (`true`) or real money (`false`).",
    default=True,
    basis=SEED,
    environment="PAPER_MODE",
)
LIVE_TRADING_ENABLED = setting(
    "live_trading_enabled",
    forms.boolean(),
    "The second switch for real money: without it, live mode only looks, and refuses every order.",
    default=False,
    basis=SEED,
    environment="LIVE_TRADING_ENABLED",
)
TRADING_HALTED = setting(
    "trading_halted",
    forms.boolean(),
    "Start halted: nothing but cancels passes until an operator resumes.",
    default=False,
    basis=SEED,
    environment="TRADING_HALTED",
)
EXECUTION_MODE = setting(
    "execution_mode",
    forms.one_of(
        ExecutionMode,
        {ExecutionMode.DEX: "it has no DEX router", ExecutionMode.HYBRID: "it has no DEX router"},
    ),
    "Where orders may go.",
    default=ExecutionMode.AUTO,
    basis=SEED,
    environment="EXECUTION_MODE",
)
RISK_PROFILE = setting(
    "risk_profile",
    forms.one_of(RiskProfile),
    "Which set of defaults the limits below start from; a limit set on its own goes before it.",
    default=RiskProfile.CONSERVATIVE,
    basis=SEED,
    environment="RISK_PROFILE",
)
