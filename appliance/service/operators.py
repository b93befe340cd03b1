"""Operators' accounts: who may sign in, as what, and what becomes of it. Every change is journaled with who made it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from appliance.domain.events import OperatorChange, OperatorChanged
from appliance.domain.operators import Person, Role
from appliance.service import passwords
from appliance.service.lockout import door_key
from appliance.service.operator_records import USERNAME, Account
from appliance.service.operator_registry import OperatorRegistry
from appliance.service.recorder import Recorder
from appliance.service.second_factors import SecondFactors
from appliance.service.sign_in import SignIn
from appliance.store.credentials import Credentials


class OperatorRefusedChange(ValueError):
    """An account cannot be made or changed as asked. The message says why."""


class Operators:
    """Adds and changes accounts. Raises `CredentialsUnavailable` and `JournalUnavailable` where a disk is full."""

    def __init__(
        self,
        credentials: Credentials,
        recorder: Recorder,
        session_key: bytes,
        session_max: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._registry = OperatorRegistry(credentials, clock)
        self._recorder = recorder
        self._clock = clock
        self.sign_in = SignIn(self._registry, recorder, session_key, session_max, clock)
        self.factors = SecondFactors(self._registry, recorder, clock)

    def all(self) -> tuple[Account, ...]:
        """Every account, the disabled ones too."""
        return tuple(self._registry.accounts.values())

    def person_of_uid(self, uid: int) -> Person | None:
        """The account that a Unix user is, or None where no account is bound to it."""
        bound = next((it for it in self._registry.accounts.values() if it.uid == uid and it.disabled_at is None), None)
        return None if bound is None else bound.person

    def may_still_decide(self, name: str, agreed_at: datetime) -> bool:
        """Whether somebody who agreed to something, by their name in the journal, could ever since: whose account was
        closed or given a lesser role meanwhile agreed to nothing, also once they may decide again."""
        account = next((it for it in self._registry.accounts.values() if it.person.name == name), None)
        if account is None:
            return True
        if account.disabled_at is not None or not account.role.covers(Role.OPERATOR):
            return False
        return account.decides_since is None or account.decides_since < agreed_at

    async def add(self, username: str, role: Role, password: str, uid: int | None, by: str) -> None:
        """Add an account. Raises `OperatorRefusedChange` and `PasswordRefused`."""
        if not USERNAME.fullmatch(username):
            raise OperatorRefusedChange(f"username {username!r}: expected 1 to 32 of a-z, 0-9, '.', '_' and '-'")
        passwords.require_good(password, username)
        async with self._registry.changing:
            if username in self._registry.accounts:
                raise OperatorRefusedChange(f"operator {username!r} exists, and names are not used twice")
            self._require_bindable(uid, role)
            account = Account(
                username=username,
                role=role,
                password_phc=await passwords.hashed(password),
                created_at=self._clock(),
                uid=uid,
            )
            await self._put(account, OperatorChange.ADDED, by)

    async def set_role(self, username: str, role: Role, by: str) -> None:
        """Change what somebody may do, from their next call on."""
        async with self._registry.changing:
            account = self._known(username)
            if account.uid in (0, os.geteuid()) and role is not Role.ADMIN:
                raise OperatorRefusedChange(
                    f"{username} is uid {account.uid}, who owns the appliance's files; unbind it"
                )
            after = msgspec.structs.replace(account, role=role)
            if role.covers(Role.OPERATOR) and not account.role.covers(Role.OPERATOR):
                after = msgspec.structs.replace(after, decides_since=self._clock())
            await self._put(after, OperatorChange.ROLE, by)

    async def bind(self, username: str, uid: int | None, by: str) -> None:
        """Say which Unix user is this person, or that none is."""
        async with self._registry.changing:
            account = self._known(username)
            self._require_bindable(uid, account.role)
            await self._put(msgspec.structs.replace(account, uid=uid), OperatorChange.BOUND, by)

    async def set_password(self, username: str, password: str, by: str, keep_session: str | None = None) -> None:
        """Set a password; every session but the one named ends. Raises `PasswordRefused`."""
        passwords.require_good(password, username)
        async with self._registry.changing:
            self._known(username)
            phc = await passwords.hashed(password)
            account = msgspec.structs.replace(self._known(username), password_phc=phc)
            await self._put(account, OperatorChange.PASSWORD, by)
            self.factors.forget_begun(username)
            await self._end_sessions(username, "the password was changed", keep_session)
        await self._registry.forget_failures(username)

    async def disable(self, username: str, by: str) -> None:
        """Close an account: its sessions end at once, and no Unix user is this person any more."""
        async with self._registry.changing:
            account = self._known(username)
            if account.disabled_at is not None:
                raise OperatorRefusedChange(f"operator {username!r} is disabled already")
            closed = msgspec.structs.replace(account, disabled_at=self._clock(), uid=None)
            await self._put(closed, OperatorChange.DISABLED, by)
            self.factors.forget_begun(username)
            await self._end_sessions(username, "the account was disabled")

    async def enable(self, username: str, by: str) -> None:
        """Open a closed account again. What they agreed to before counts no more."""
        async with self._registry.changing:
            account = self._known(username)
            if account.disabled_at is None:
                raise OperatorRefusedChange(f"operator {username!r} is not disabled")
            opened = msgspec.structs.replace(account, disabled_at=None, decides_since=self._clock())
            await self._put(opened, OperatorChange.ENABLED, by)

    async def remove_factors(self, username: str, by: str) -> None:
        """Take away codes and passkeys, for somebody who lost their device; their sessions end."""
        async with self._registry.changing:
            account = msgspec.structs.replace(self._known(username), totp_secret=None)
            await self._put(account, OperatorChange.FACTORS_REMOVED, by)
            await self._registry.drop_passkeys(*self._registry.passkeys_of(username))
            self.factors.forget_begun(username)
            await self._end_sessions(username, "the second factors were removed")

    def begin_codes(self, username: str) -> tuple[str, str]:
        """A new secret for one-time codes and its URI, for somebody who has an account."""
        return self.factors.begin_codes(self._known(username).username)

    async def unlock(self, username: str, by: str) -> None:
        """Let somebody who guesses wrong too often try again at once."""
        account = self._known(username)
        await self._registry.forget_failures(username, door_key(username), f"code:{username}", f"again:{username}")
        await self._tell(account, OperatorChange.UNLOCKED, by)

    def close(self) -> None:
        """Give the file of credentials back."""
        self._registry.close()

    async def _put(self, account: Account, change: OperatorChange, by: str) -> None:
        await self._tell(account, change, by)  # first: nothing becomes true of which the journal knows nothing
        await self._registry.put_account(account)

    async def _tell(self, account: Account, change: OperatorChange, by: str) -> None:
        event = OperatorChanged(username=account.username, change=change, by=by, role=account.role, uid=account.uid)
        await self._recorder.record(event)

    async def _end_sessions(self, username: str, reason: str, keep: str | None = None) -> None:
        await self.sign_in.end_all(self._registry.sessions_of(username, keep), reason)

    def _known(self, username: str) -> Account:
        account = self._registry.accounts.get(username)
        if account is None:
            raise OperatorRefusedChange(f"no operator {username[:64]!r}")
        return account

    def _require_bindable(self, uid: int | None, role: Role) -> None:
        if uid in (0, os.geteuid()) and role is not Role.ADMIN:
            raise OperatorRefusedChange(f"uid {uid} owns the appliance's files: only an admin can be bound to it")
        bound = None if uid is None else self.person_of_uid(uid)
        if bound is not None:
            raise OperatorRefusedChange(f"uid {uid} is {bound.name} already")
