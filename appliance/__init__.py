"""ReadyTrader: an appliance that lets an untrusted agent trade within what its operator allowed."""

__version__ = "0.1.0"
