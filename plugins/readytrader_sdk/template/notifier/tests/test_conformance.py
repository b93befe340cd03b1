"""The plugin keeps what every notifier keeps. Whoever receives its notices will see about twenty of them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from readytrader_sdk.conformance import Kind, NotifierSubject, run
from readytrader_sdk.hooks import PluginContext

from acme_plugin import AcmeNotifier


def test_it_keeps_what_every_notifier_keeps(tmp_path: Path) -> None:
    context = PluginContext(
        name="acme-plugin", settings={}, secrets={}, logger=logging.getLogger("acme-plugin"), state_folder=tmp_path
    )
    asyncio.run(run(Kind.NOTIFIER, NotifierSubject(notifier=AcmeNotifier(context)))).demand()
