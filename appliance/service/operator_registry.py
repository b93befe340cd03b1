"""Who may operate, as it is in memory and on disk: read from memory at every call, changed on disk first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from appliance.service.lockout import KIND as FAILURES
from appliance.service.lockout import Failures, Lockout
from appliance.service.operator_records import Account, Passkey, Session
from appliance.store.credentials import Change, Credentials

ACCOUNTS, PASSKEYS, SESSIONS = "account", "passkey", "session"


class OperatorRegistry:
    """Accounts, passkeys and sessions. Every method that changes something raises `CredentialsUnavailable`."""

    def __init__(self, store: Credentials, clock: Callable[[], datetime]) -> None:
        self._store = store
        self.accounts = store.load(ACCOUNTS, Account)
        self.passkeys = store.load(PASSKEYS, Passkey)
        self.sessions = store.load(SESSIONS, Session)
        self.lockout = Lockout(store.load(FAILURES, Failures), clock)
        self.changing = asyncio.Lock()
        """Held by whoever reads an account in order to change it."""
        self._writing = asyncio.Lock()

    def active(self, username: str) -> Account | None:
        """The account, unless it is unknown or disabled."""
        account = self.accounts.get(username)
        return None if account is None or account.disabled_at is not None else account

    def passkeys_of(self, username: str) -> tuple[Passkey, ...]:
        return tuple(it for it in self.passkeys.values() if it.username == username)

    async def put_account(self, account: Account) -> None:
        async with self._writing:
            await self._store.write([Change(kind=ACCOUNTS, id=account.username, value=self._with_codes_used(account))])
            self.accounts[account.username] = self._with_codes_used(account)

    async def use_code(self, account: Account, step: int) -> None:
        """Remember the time step of a one-time code, in memory at once: of two that use it now, one succeeds."""
        used = msgspec.structs.replace(self.accounts[account.username], totp_step=step)
        self.accounts[account.username] = used
        async with self._writing:  # written is what holds by then: the account may have been closed meanwhile
            now = self.accounts[account.username]
            await self._store.write([Change(kind=ACCOUNTS, id=now.username, value=now)])

    def _with_codes_used(self, account: Account) -> Account:
        """The account, of which codes may have been used since it was read."""
        known = self.accounts.get(account.username)
        step = account.totp_step if known is None else max(account.totp_step, known.totp_step)
        return msgspec.structs.replace(account, totp_step=step)

    async def put_passkey(self, passkey: Passkey) -> None:
        self.passkeys[passkey.credential_id] = passkey
        await self._store.write([Change(kind=PASSKEYS, id=passkey.credential_id, value=passkey)])

    async def drop_passkeys(self, *passkeys: Passkey) -> None:
        for passkey in passkeys:
            self.passkeys.pop(passkey.credential_id, None)
        await self._store.write([Change(kind=PASSKEYS, id=it.credential_id, value=None) for it in passkeys])

    async def put_session(self, session: Session) -> None:
        self.sessions[session.session_id] = session
        await self._store.write([Change(kind=SESSIONS, id=session.session_id, value=session)])

    async def end_sessions(self, *sessions: Session) -> None:
        """End them, at once in memory: what the disk says later cannot keep anybody in."""
        for session in sessions:
            self.sessions.pop(session.session_id, None)
        await self._store.write([Change(kind=SESSIONS, id=it.session_id, value=None) for it in sessions])

    def sessions_of(self, username: str, but: str | None = None) -> tuple[Session, ...]:
        return tuple(it for it in self.sessions.values() if it.username == username and it.session_id != but)

    async def keep_failures(self, changed: dict[str, Failures | None]) -> None:
        await self._store.write([Change(kind=FAILURES, id=key, value=value) for key, value in changed.items()])

    async def forget_failures(self, *keys: str) -> None:
        forgotten = [key for key in keys if self.lockout.forget(key)]
        if forgotten:
            await self._store.write([Change(kind=FAILURES, id=key, value=None) for key in forgotten])

    def close(self) -> None:
        """Give the file back."""
        self._store.close()


class Enrolment(Struct, frozen=True, kw_only=True):
    """One-time codes that are being set up; they count once a code of theirs was shown."""

    secret: str
    until: datetime
