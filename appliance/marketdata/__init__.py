"""Market data: what sources say, whether it can be believed, and which quote is in use."""
