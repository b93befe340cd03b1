"""The four ways in which a plugin's call may fail. Anything else that a plugin raises counts as *outcome unknown*."""

from __future__ import annotations


class PluginError(Exception):
    """Root of the tree. `str()` is shown to operators: it must hold no secret and no raw text of a venue."""


class Unavailable(PluginError):
    """Nothing was sent, or it provably did not arrive: the call may be made again."""

    def __init__(self, text: str = "", *, retry_after_s: float | None = None) -> None:
        """`retry_after_s` is what a service that asks for patience wants to be left alone for, in seconds."""
        super().__init__(text)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(PluginError):
    """Something was sent and no answer is trusted. Never made again; the outcome is asked for."""


class Misconfigured(PluginError):
    """The plugin cannot work as it is set up: name the setting, what is wrong and what was seen."""


class Unsupported(PluginError):
    """The venue, chain or device cannot do this. Nothing was sent."""
