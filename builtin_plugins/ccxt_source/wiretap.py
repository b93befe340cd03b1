"""A lean reader on ccxt's connections: it sees each message first, and what it does not know goes on to ccxt.

ccxt keeps its connections: it dials, subscribes at the exchange's pace, answers and sends pings, and says when one is
over. Nothing here waits for ccxt's own parsing, which takes several times as long as a tick may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from readytrader_sdk.errors import PluginError, Unavailable
from readytrader_sdk.hooks import PluginContext

from builtin_plugins.ccxt_source.failures import demand_granted, failure
from builtin_plugins.ccxt_source.lean import Broken, Reader, Subscription
from builtin_plugins.ccxt_source.mailbox import Mailbox
from builtin_plugins.ccxt_source.silence import Silence

GONE = "readytrader-gone"
"""What ccxt keeps our wait for the end of a connection under."""


async def listen(exchange: Any, reader: Reader, context: PluginContext, mailbox: Mailbox, silence: Silence) -> None:
    """Connect, subscribe, and read until a connection is over. Raises the SDK's errors; never returns."""
    subscriptions = reader.subscriptions()
    gone: list[Awaitable[object]] = []
    for number, subscription in enumerate(subscriptions):
        demand_granted(context.name, subscription.url, context.http)
        _tap(exchange, subscription, _taking(reader, context.name, mailbox, silence))
        kept = f"{GONE}-{number}"
        gone.append(exchange.watch(subscription.url, GONE, subscription.message, kept, {"id": kept}))
    try:
        await asyncio.gather(*gone)
    except asyncio.CancelledError:
        raise
    except Exception as error:  # ccxt's errors, and whatever is below them
        raise failure(context.name, "the connection ended", error) from error
    raise Unavailable(f"{context.name}: the connection ended")


def _tap(exchange: Any, subscription: Subscription, take: Callable[[str], bool]) -> None:
    """Put ourselves before ccxt where its connection hands over a message's text."""
    client = exchange.client(subscription.url)
    of_ccxt = type(client).handle_text_or_binary_message

    def handle(data: Any) -> None:
        if not isinstance(data, str) or not take(data):
            try:
                of_ccxt(client, data)
            except Exception as error:  # noqa: BLE001 - what ccxt makes of a message must not end its own loop unseen
                client.on_error(error)

    client.handle_text_or_binary_message = handle


def _taking(reader: Reader, name: str, mailbox: Mailbox, silence: Silence) -> Callable[[str], bool]:
    """A function that takes a message if it is the reader's, and says whether it was."""

    def take(text: str) -> bool:
        try:
            ticks = reader.read(text)
        except Broken as fault:
            mailbox.fail(Unavailable(f"{name}: {fault}"))
            return True
        except (ArithmeticError, ValueError) as fault:
            mailbox.fail(Unavailable(f"{name}: a message that cannot be ({type(fault).__name__})"))
            return True
        if ticks is None:
            return False
        if ticks:
            silence.heard(ticks)
            mailbox.put(ticks)
        return True

    return take


def fail_with(mailbox: Mailbox, name: str, what: str) -> Callable[[asyncio.Task[None]], None]:
    """For a task's end: its failure becomes the stream's."""

    def ended(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            mailbox.fail(error if isinstance(error, PluginError) else failure(name, what, error))

    return ended
