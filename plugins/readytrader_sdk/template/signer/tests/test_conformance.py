"""The plugin keeps what every signer keeps. What is signed here can never be mined."""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path

from readytrader_sdk.conformance import Kind, SignerSubject, run
from readytrader_sdk.hooks import PluginContext

from acme_plugin import AcmeSigner


def test_it_keeps_what_every_signer_keeps(tmp_path: Path) -> None:
    context = PluginContext(
        name="acme-plugin",
        settings={},
        secrets={"private_key": "0x" + secrets.token_hex(32)},
        logger=logging.getLogger("acme-plugin"),
        state_folder=tmp_path,
    )
    subject = SignerSubject(signer=AcmeSigner(context), chain_id=1)
    asyncio.run(run(Kind.SIGNER, subject, moving=True)).demand()
