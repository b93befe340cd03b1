"""Ends an exchange's connections within a bound: a websocket says goodbye, and need not wait for the answer.

A peer that goes on talking and never answers a close would otherwise keep a feed from being started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

GOODBYE_S_MAX = 1.0


async def close(exchange: Any) -> None:
    """Close what an exchange of ccxt's has opened; by force where its peers do not go along."""
    connections = [client.connection for client in (exchange.clients or {}).values() if client.connection is not None]
    closing = asyncio.ensure_future(exchange.close())
    _, late = await asyncio.wait({closing}, timeout=GOODBYE_S_MAX)
    if late:
        for connection in connections:
            cut = connection.get_extra_info("socket")
            with contextlib.suppress(OSError):  # it is closed already
                if cut is not None:
                    cut.shutdown(socket.SHUT_RDWR)
    await closing
