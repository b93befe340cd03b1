"""Plugins from wheels: what their publisher signed, verified and imported from the very bytes that were verified.

Start with `verified.open_verified`; publishers with `publishing.sign`; installing with `folder.candidate`.
"""
