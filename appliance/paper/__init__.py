"""Paper trading: one matching engine over an exact ledger, driven by quotes, books and time alone."""
