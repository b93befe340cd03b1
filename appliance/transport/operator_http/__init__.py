"""The operators' listener: the API, the page's files and the live updates, on an address that no agent's token opens.

Imported by `serve` alone: it brings Litestar, which no other verb needs to wait for.
"""
