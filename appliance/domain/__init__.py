"""The values of safety: intents, limits, snapshots, decisions, states. Pure; imports only the SDK."""
