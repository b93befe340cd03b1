"""The plugins that come with ReadyTrader. No privilege: the same SDK and the same entry points as anybody's."""
