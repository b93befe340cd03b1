"""An authenticator app: RFC 6238 codes, computed here, each used once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from appliance.service.core import Core

STEP_S = 30


class Device:
    """The app of one account; three codes can be had within half a minute, from the drift that is allowed."""

    def __init__(self, secret: str) -> None:
        self._key = base64.b32decode(secret)
        self._used = 0

    def factor(self) -> dict[str, str]:
        """A second factor as a request has it."""
        return {"totp": self.code()}

    def code(self) -> str:
        """The next code that was not used yet."""
        now = int(time.time()) // STEP_S
        self._used = max(self._used + 1, now - 1)
        assert self._used <= now + 1, "no fourth code in half a minute"
        digest = hmac.new(self._key, self._used.to_bytes(8), hashlib.sha1).digest()
        start = digest[-1] & 15
        number = int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF
        return f"{number % 1_000_000:06}"


async def enrolled(core: Core, username: str) -> Device:
    """The app of an account that has none yet; one code is used to set it up."""
    secret, _uri = core.operators.begin_codes(username)
    device = Device(secret)
    await core.operators.factors.confirm_codes(username, device.code(), "test")
    return device
