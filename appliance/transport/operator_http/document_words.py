"""What the API's description says beside its types: how to sign in, what each error means, and bodies to begin with."""

from __future__ import annotations

from typing import Any

INTRODUCTION = """\
Sign in with `POST /api/auth/login`, send the access token as `Authorization: Bearer` with every call, and buy the next
pair of tokens with `POST /api/auth/refresh` before it expires: a refresh token is good once.

Acts that could do harm take a second factor in `factor`: a one-time code, or what a passkey signed for exactly this
act, whose challenge `POST /api/auth/challenge` makes.

Amounts are text with their unit (`0.02 BTC`), times are UTC with their zone, and what is null is often left out. Lists
go on at their `next`, which is the `before` of the following page. An unknown field or parameter is an error, and so is
a body of more than 64 KiB. Every error is `{"error": {"code", "text"}}`: the code is for programs.

`WS /ws` pushes what is new: send `{"type": "AUTH", "token": ACCESS_TOKEN}` within five seconds, and perhaps
`{"type": "SUBSCRIBE", "symbols": ["BTC/USDT"]}`. What comes is `{"type", "data"}` with the types READY, TICKER_UPDATE,
STATUS_UPDATE, PORTFOLIO_UPDATE, ORDER_UPDATE and APPROVAL_UPDATE. It is closed with 4401 when the token or the session
ends."""

ERRORS = {
    "400": "`bad_request`: not as described here. `bad_host`: not one `Host`.",
    "401": "`not_signed_in`: no good access token.",
    "403": "`foreign_origin`: another page asks.",
    "404": "`not_found`: nothing is there.",
    "409": "`refused`: not done, for the reason in the text.",
    "413": "`too_large`: the body is too long.",
    "421": "`wrong_host`: ask by `localhost`, `127.0.0.1` or `[::1]` and the listener's port.",
    "429": "`too_many`: too many calls; wait for `Retry-After` seconds.",
    "500": "`fault`: a fault of the appliance; its log has the traceback.",
    "503": "`journal_unavailable`, `credentials_unavailable`: the disk keeps nothing, so nothing was done.",
}
"""What each status means wherever it may come; its code is in the reply."""

SIGNED_IN_ERRORS = {"403": " `role_too_low`: the account's role does not cover it."}
SIGN_IN_ERRORS = {
    "401": "`bad_credentials`; `totp_needed`: the password is right, and the account has codes.",
    "429": "`locked`: too many sign-ins failed; wait for `Retry-After` seconds, or show a one-time code.",
}
FACTOR_ERRORS = {
    "401": " `factor_needed`, `factor_refused`: the second factor is missing, or is not good for this act."
}

_FACTOR = {"totp": "123456"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "login": {"username": "alice", "password": "correct horse battery", "totp": "123456"},
    "challenge": {"act": "approve", "request_id": "rt0123456789abcdef01234567"},
    "approve_trade": {
        "request_id": "rt0123456789abcdef01234567",
        "approve": True,
        "confirm_token": "0123456789abcdef0123456789abcdef",
        "factor": _FACTOR,
    },
    "halt": {"reason": "looks odd"},
    "resume": {"scope": "global", "reason": "it was me", "factor": _FACTOR},
    "restrict": {"scope": "symbol:BTC/USDT", "state": "reduce_only", "reason": "news at noon"},
    "tighten": {"name": "limits.notional_order_max", "value": "500", "reason": "thin market"},
    "loosen": {
        "name": "limits.position_max_pct",
        "value": "10",
        "reason": "tested for a month",
        "factor": _FACTOR,
    },
    "add_agent": {"name": "bot", "scopes": ["read", "paper"], "days": 30, "symbols": ["BTC/USDT"], "factor": _FACTOR},
}
"""A body of each of these operations, by its ID."""
