"""Signing in and staying so: a password, perhaps a code, then two tokens; every call asks whether it still holds."""

from __future__ import annotations

import hmac
import logging
import math
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from appliance.domain.events import OperatorLockedOut, OperatorSignedIn, OperatorSignedOut
from appliance.domain.operators import Person, Role
from appliance.service import passwords
from appliance.service.lockout import Failures, door_key
from appliance.service.one_time_codes import step_of
from appliance.service.operator_records import USERNAME, Account, Session
from appliance.service.operator_registry import OperatorRegistry
from appliance.service.recorder import Recorder
from appliance.service.session_tokens import AccessTokens, RefreshTokens, token_hash
from appliance.store.credentials import CredentialsUnavailable
from appliance.store.journal import JournalUnavailable

log = logging.getLogger(__name__)

GUESSES_WAITING_MAX = 16
NOBODY = ""
"""Whatever cannot be a username. As it was typed it would be kept, and could be a password in the wrong place, or what
the failures of somebody who is signed in are counted under."""
SESSIONS_MAX = 16
"""Of one account at a time; the oldest ends."""


class SignInRefused(Exception):
    """Nobody was signed in. The message is for whoever tried."""

    code = "bad_credentials"
    retry_after: timedelta | None = None


class CodeNeeded(SignInRefused):
    code = "totp_needed"


class MustWait(SignInRefused):
    code = "locked"

    def __init__(self, wait: timedelta) -> None:
        super().__init__("too many sign-ins failed; this one was not looked at")
        self.retry_after = wait


class Tokens(Struct, frozen=True, kw_only=True):
    """What a sign-in gives."""

    access_token: str
    expires_at: datetime
    refresh_token: str
    username: str
    role: Role


class SignedIn(Struct, frozen=True, kw_only=True):
    """Who makes a call, as its access token says and as it still holds."""

    person: Person
    username: str
    session_id: str
    expires_at: datetime


class SignIn:
    """Sessions. Raises `CredentialsUnavailable` and `JournalUnavailable` where a disk keeps nothing more."""

    def __init__(
        self,
        registry: OperatorRegistry,
        recorder: Recorder,
        key: bytes,
        session_max: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._registry = registry
        self._recorder = recorder
        self._access = AccessTokens(key, clock)
        self._refresh = RefreshTokens(key)
        self._session_max = session_max
        self._clock = clock
        self._guesses = 0

    async def sign_in(self, username: str, password: str, code: str | None) -> Tokens:
        """Begin a session. Raises `SignInRefused` in one of its kinds."""
        if not USERNAME.fullmatch(username):
            username = NOBODY
        if self._guesses >= GUESSES_WAITING_MAX:
            raise MustWait(timedelta(seconds=1))
        self._guesses += 1
        try:
            # One at a time: what is guessed at once is counted one by one, and memory is taken once.
            async with self._registry.changing:
                return await self._begun(await self._recognise(username, password, code))
        finally:
            self._guesses -= 1

    async def _begun(self, account: Account) -> Tokens:
        """A new session of somebody whose account nobody changes meanwhile: a change ends every session before it."""
        session, refresh_token = self._new_session(account.username)
        await self._registry.end_sessions(*self._surplus(account.username))
        await self._registry.put_session(session)
        factors = ("password",) if account.totp_secret is None else ("password", "totp")
        await self._recorder.record(OperatorSignedIn(username=account.username, factors=factors))
        return self._tokens(account, session, refresh_token)

    async def check_password(self, username: str, password: str) -> None:
        """Ask somebody who is signed in for their password again; guesses count. Raises `SignInRefused`."""
        async with self._registry.changing:
            key, lockout = f"again:{username}", self._registry.lockout
            wait = lockout.wait_alone(key)
            if wait:
                raise MustWait(wait)
            account = self._registry.active(username)
            if account is None or not await passwords.matches(password, account.password_phc):
                await self._registry.keep_failures(lockout.note_failure(key, alone=True))
                raise SignInRefused("the password is not right")
            await self._registry.forget_failures(key)

    async def refresh(self, refresh_token: str) -> Tokens:
        """The next pair of tokens. A refresh token that was used before ends its session. Raises `SignInRefused`."""
        session = self._registry.sessions.get(self._refresh.session_of(refresh_token) or "")
        account = None if session is None else self._registry.active(session.username)
        if session is None or account is None or self._clock() >= session.expires_at:
            raise SignInRefused("the session is over; sign in again")
        if not hmac.compare_digest(token_hash(refresh_token), session.refresh_sha256):
            await self.end(session.session_id, "a refresh token was used twice")
            raise SignInRefused("the session is over; sign in again")
        token = self._refresh.new(session.session_id)
        renewed = msgspec.structs.replace(session, refresh_sha256=token_hash(token))
        try:
            await self._registry.put_session(renewed)
        except CredentialsUnavailable as fault:
            # In memory it counts already. After a restart the new token passes for a used one: sign in again.
            log.error("a session could not be kept: %s", fault)
        return self._tokens(account, renewed, token)

    def authenticate(self, access_token: str) -> SignedIn | None:
        """Who this is, if the token is good and their session and account still are."""
        read = self._access.read(access_token)
        if read is None:
            return None
        return self._holding(*read)

    def still(self, signed_in: SignedIn) -> SignedIn | None:
        """The same, as it holds now: between a request's head and its body there may be any time."""
        if self._clock() >= signed_in.expires_at:
            return None
        return self._holding(signed_in.username, signed_in.session_id, signed_in.expires_at)

    def _holding(self, username: str, session_id: str, expires_at: datetime) -> SignedIn | None:
        session = self._registry.sessions.get(session_id)
        account = self._registry.active(username)
        if session is None or account is None or session.username != username or self._clock() >= session.expires_at:
            return None
        return SignedIn(person=account.person, username=username, session_id=session_id, expires_at=expires_at)

    async def end(self, session_id: str, reason: str) -> None:
        """End a session at once."""
        session = self._registry.sessions.get(session_id)
        if session is not None:
            await self.end_all((session,), reason)

    async def end_all(self, sessions: tuple[Session, ...], reason: str) -> None:
        """End these sessions at once."""
        if not sessions:
            return
        try:
            await self._registry.end_sessions(*sessions)
        finally:
            for username in {session.username for session in sessions}:
                await self._recorder.record(OperatorSignedOut(username=username, reason=reason))

    async def _recognise(self, username: str, password: str, code: str | None) -> Account:
        account = self._registry.active(username)
        step = self._step(account, code)
        wait = self._registry.lockout.wait(username)
        if wait:
            await self._require_no_guesser(username, account, code, step, wait)
        if account is not None and step is not None:
            await self._registry.use_code(account, step)
        good = await passwords.matches(password, None if account is None else account.password_phc)
        if account is None or not good:
            await self._note_failure(username)
            raise SignInRefused("username, password or code is not right")
        if account.totp_secret is not None and step is None:
            if code is None:
                raise CodeNeeded("this account needs its one-time code too")
            await self._note_failure(username)
            raise SignInRefused("username, password or code is not right")
        await self._registry.forget_failures(username, door_key(username))
        return self._registry.accounts[username]

    async def _require_no_guesser(
        self, username: str, account: Account | None, code: str | None, step: int | None, wait: timedelta
    ) -> None:
        """Whoever holds the second factor is no guesser from the street, and is not made to wait for one: unless codes
        are guessed, too. A million codes are few, and somebody may know the password. Raises `MustWait`."""
        key, lockout = door_key(username), self._registry.lockout
        if step is not None and not lockout.wait_alone(key):
            return
        if account is not None and code is not None and step is None:
            await self._keep(lockout.note_failure(key, alone=True))
        raise MustWait(wait)

    def _step(self, account: Account | None, code: str | None) -> int | None:
        if account is None or account.totp_secret is None or code is None:
            return None
        return step_of(account.totp_secret, code, self._clock(), account.totp_step)

    async def _note_failure(self, username: str) -> None:
        lockout = self._registry.lockout
        changed = lockout.note_failure(username)
        wait = lockout.wait(username)
        if wait and username in self._registry.accounts:
            seconds = math.ceil(wait.total_seconds())
            event = OperatorLockedOut(username=username, failures=lockout.failures(username), wait_s=seconds)
            try:
                self._recorder.record(event)
            except JournalUnavailable as fault:
                log.error("a lock-out of %s could not be recorded: %s", username, fault)
        await self._keep(changed)

    async def _keep(self, changed: dict[str, Failures | None]) -> None:
        try:
            await self._registry.keep_failures(changed)
        except CredentialsUnavailable as fault:
            # In memory it counts; nobody is let in for it.
            log.error("a failed sign-in could not be kept: %s", fault)

    def _surplus(self, username: str) -> tuple[Session, ...]:
        now = self._clock()
        over = tuple(it for it in self._registry.sessions.values() if now >= it.expires_at)
        own = sorted(self._registry.sessions_of(username), key=lambda session: session.started_at)
        return over + tuple(it for it in own[: max(0, len(own) - SESSIONS_MAX + 1)] if it not in over)

    def _new_session(self, username: str) -> tuple[Session, str]:
        session_id, now = secrets.token_hex(16), self._clock()
        token = self._refresh.new(session_id)
        session = Session(
            session_id=session_id,
            username=username,
            refresh_sha256=token_hash(token),
            started_at=now,
            expires_at=now + self._session_max,
        )
        return session, token

    def _tokens(self, account: Account, session: Session, refresh_token: str) -> Tokens:
        access_token, expires_at = self._access.issue(account.username, session.session_id, session.expires_at)
        return Tokens(
            access_token=access_token,
            expires_at=expires_at,
            refresh_token=refresh_token,
            username=account.username,
            role=account.role,
        )
