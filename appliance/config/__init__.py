"""What the operator decided: one TOML file and the environment in, one checked value out, or every problem at once."""

from appliance.config.loading import load
from appliance.config.problems import ConfigurationError, Problem
from appliance.config.values import (
    Configuration,
    Effective,
    Exchange,
    ExecutionMode,
    Listener,
    MarketDataRules,
    OperatorListener,
    Origin,
    OriginKind,
    PaperTerms,
    RateLimits,
    RiskProfile,
    Source,
)

__all__ = [
    "Configuration",
    "ConfigurationError",
    "Effective",
    "Exchange",
    "ExecutionMode",
    "Listener",
    "MarketDataRules",
    "OperatorListener",
    "Origin",
    "OriginKind",
    "PaperTerms",
    "Problem",
    "RateLimits",
    "RiskProfile",
    "Source",
    "load",
]
