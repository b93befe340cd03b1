"""The second factor: set up by its owner, and asked for again before whatever could do harm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from appliance.domain.events import OperatorChange, OperatorChanged
from appliance.domain.operators import Person
from appliance.service.one_time_codes import enrolment_uri, new_secret, step_of
from appliance.service.operator_records import Account, Passkey
from appliance.service.operator_registry import Enrolment, OperatorRegistry
from appliance.service.passkeys import PasskeyRefused, Passkeys
from appliance.service.recorder import Recorder

ENROLMENT_LIFE = timedelta(minutes=10)
PASSKEYS_MAX = 16


class Factor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the two: a code from an authenticator app, or what a passkey signed for exactly this act."""

    totp: str | None = None
    passkey: dict[str, Any] | None = None


class FactorRefused(Exception):
    """The second factor is missing or not good. The message is for whoever acts."""

    code = "factor_refused"


class FactorNeeded(FactorRefused):
    code = "factor_needed"


class SecondFactors:
    """Enrols factors, and has them proved. Raises `CredentialsUnavailable` where a disk keeps nothing."""

    def __init__(self, registry: OperatorRegistry, recorder: Recorder, clock: Callable[[], datetime]) -> None:
        self._registry = registry
        self._recorder = recorder
        self._clock = clock
        self._ceremonies = Passkeys(clock)
        self._enrolments: dict[str, Enrolment] = {}
        self.origin = ""
        """Where the page is: `http://localhost:PORT`. Set by the listener; no passkey is good before."""

    # proving

    async def prove(self, person: Person, factor: Factor | None, subject: str) -> str:
        """Prove that it is really them who do `subject`; which factor did. Raises `FactorRefused`."""
        account = self._account(person)
        if factor is None or (factor.totp is None) is (factor.passkey is None):
            raise FactorNeeded("this needs a one-time code, or a passkey's signature for exactly this act: one of them")
        if factor.passkey is not None:
            await self._prove_passkey(account, factor.passkey, subject)
            return "passkey"
        await self._prove_code(account, factor.totp or "")
        return "totp"

    def challenge(self, person: Person, subject: str) -> dict[str, Any]:
        """What a passkey is asked to sign for this act. Raises `FactorRefused` for somebody without one."""
        account = self._account(person)
        known = self._registry.passkeys_of(account.username)
        if not known:
            raise FactorRefused("this account has no passkey")
        return self._ceremonies.request_options(account.username, subject, known)

    async def _prove_passkey(self, account: Account, credential: dict[str, Any], subject: str) -> None:
        passkey = self._registry.passkeys.get(str(credential.get("id")))
        if passkey is None or passkey.username != account.username:
            raise FactorRefused("no passkey of this account")
        try:
            count = self._ceremonies.proved(account.username, subject, credential, passkey, self.origin)
        except PasskeyRefused as fault:
            raise FactorRefused(str(fault)) from fault
        await self._registry.put_passkey(msgspec.structs.replace(passkey, sign_count=count))

    async def _prove_code(self, account: Account, code: str) -> None:
        key = f"code:{account.username}"
        wait = self._registry.lockout.wait_alone(key)
        if wait:
            raise FactorRefused(f"too many wrong codes; wait {wait.total_seconds():.0f} s, or use a passkey")
        if account.totp_secret is None:
            raise FactorRefused("this account has no one-time codes; readytrader operator totp NAME sets them up")
        step = step_of(account.totp_secret, code, self._clock(), account.totp_step)
        if step is None:
            await self._registry.keep_failures(self._registry.lockout.note_failure(key, alone=True))
            raise FactorRefused("the one-time code is wrong, or was used before")
        await self._registry.use_code(account, step)
        await self._registry.forget_failures(key)

    # enrolling

    def had(self, username: str) -> tuple[bool, int]:
        """Whether an account has one-time codes, and how many passkeys."""
        account = self._registry.accounts[username]
        return account.totp_secret is not None, len(self._registry.passkeys_of(username))

    def begin_codes(self, username: str) -> tuple[str, str]:
        """A new secret and its URI; it counts once `confirm_codes` was shown a code."""
        secret = new_secret()
        self._enrolments[username] = Enrolment(secret=secret, until=self._clock() + ENROLMENT_LIFE)
        return secret, enrolment_uri(secret, username)

    async def confirm_codes(self, username: str, code: str, by: str) -> None:
        """Let the new secret count. Raises `FactorRefused`."""
        async with self._registry.changing:
            enrolment = self._enrolments.pop(username, None)
            if enrolment is None or self._clock() >= enrolment.until:
                raise FactorRefused("nothing is being set up; begin again")
            step = step_of(enrolment.secret, code, self._clock(), 0)
            if step is None:  # a guess at a secret that is shown on a screen makes no sense: start over
                raise FactorRefused("the one-time code is wrong; begin again, and check the clock of both devices")
            account = self._registry.accounts[username]
            await self._tell(account, OperatorChange.TOTP, by)
            await self._registry.put_account(
                msgspec.structs.replace(account, totp_secret=enrolment.secret, totp_step=step)
            )

    def forget_begun(self, username: str) -> None:
        """Let nothing that was begun for an account be finished: it may have been begun by somebody else."""
        self._enrolments.pop(username, None)
        self._ceremonies.forget(username)

    def passkeys_of(self, person: Person) -> tuple[Passkey, ...]:
        """Somebody's passkeys."""
        return self._registry.passkeys_of(self._account(person).username)

    def begin_passkey(self, person: Person) -> dict[str, Any]:
        """What a browser is asked to make. Raises `FactorRefused`."""
        account = self._account(person)
        known = self._registry.passkeys_of(account.username)
        if len(known) >= PASSKEYS_MAX:
            raise FactorRefused(f"an account has {PASSKEYS_MAX} passkeys at most; remove one")
        return self._ceremonies.creation_options(account.username, known)

    async def finish_passkey(self, person: Person, name: str, credential: dict[str, Any]) -> Passkey:
        """Take the passkey that a browser made. Raises `FactorRefused`."""
        async with self._registry.changing:
            account = self._account(person)
            try:
                passkey = self._ceremonies.created(account.username, name, credential, self.origin)
            except PasskeyRefused as fault:
                raise FactorRefused(str(fault)) from fault
            if passkey.credential_id in self._registry.passkeys:
                raise FactorRefused("this passkey is known already")
            await self._tell(account, OperatorChange.PASSKEY_ADDED, person.name)
            await self._registry.put_passkey(passkey)
        return passkey

    async def remove_passkey(self, person: Person, credential_id: str) -> None:
        """Forget a passkey of one's own. Raises `FactorRefused`."""
        account = self._account(person)
        passkey = self._registry.passkeys.get(credential_id)
        if passkey is None or passkey.username != account.username:
            raise FactorRefused("no passkey of this account")
        await self._tell(account, OperatorChange.PASSKEY_REMOVED, person.name)
        await self._registry.drop_passkeys(passkey)

    def _account(self, person: Person) -> Account:
        account = next((it for it in self._registry.accounts.values() if it.person.name == person.name), None)
        if account is None or account.disabled_at is not None:
            raise FactorRefused("only an account has a second factor")
        return account

    async def _tell(self, account: Account, change: OperatorChange, by: str) -> None:
        event = OperatorChanged(username=account.username, change=change, by=by, role=account.role, uid=account.uid)
        await self._recorder.record(event)
