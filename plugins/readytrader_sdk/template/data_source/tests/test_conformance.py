"""The plugin keeps what every data source keeps."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from readytrader_sdk.conformance import Kind, SourceSubject, run
from readytrader_sdk.hooks import PluginContext

from acme_plugin import AcmeSource


def test_it_keeps_what_every_data_source_keeps(tmp_path: Path) -> None:
    context = PluginContext(
        name="acme-plugin", settings={}, secrets={}, logger=logging.getLogger("acme-plugin"), state_folder=tmp_path
    )
    subject = SourceSubject(make_source=lambda: AcmeSource(context), ticks_max=5)
    asyncio.run(run(Kind.DATA_SOURCE, subject)).demand()
