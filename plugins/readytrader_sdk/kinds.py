"""The five kinds of plugin. One word for each, in claims, manifests, the configuration and messages."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a plugin can register."""

    DATA_SOURCE = "data_source"
    EXCHANGE = "exchange"
    ROUTER = "router"
    SIGNER = "signer"
    NOTIFIER = "notifier"
