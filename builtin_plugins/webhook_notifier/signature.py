"""The signature of one delivery, after the Standard Webhooks specification (version 1, symmetric keys)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

KEY_PREFIX = "whsec_"
KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64


def key_from_text(text: str) -> bytes:
    """The key's bytes. Raises `ValueError` that says what is expected and quotes nothing."""
    expected = f"expected {KEY_PREFIX} and {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes in base64"
    if not text.startswith(KEY_PREFIX):
        raise ValueError(expected)
    try:
        key = base64.b64decode(text.removeprefix(KEY_PREFIX), validate=True)
    except ValueError:
        raise ValueError(expected) from None
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError(expected)
    return key


def signed_headers(key: bytes, message_id: str, sent_at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers: the HMAC-SHA256 is over ID, time in Unix seconds, and body, with full stops between."""
    timestamp = str(int(sent_at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}
