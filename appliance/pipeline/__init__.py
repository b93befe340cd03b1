"""The fixed pipeline: pure functions from facts to a decision. No clock, no IO, no randomness."""
