"""One's own password and second factors, and the challenge that a passkey signs for one act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from appliance.service.second_factors import Factor
from appliance.transport import account_wire
from appliance.transport.operator_http.bodies import CodeShown, NewPasskey, NewPassword, PasswordAgain, Proof
from appliance.transport.operator_http.signed_in import VIEWER, Asked, Asking
from appliance.transport.operator_http.step_up import Act, AddPasskeyAct, AnyAct, RemovePasskeyAct, SetUpCodesAct
from appliance.transport.operator_results import Done, NewCodes


class PasskeyView(Struct, frozen=True, kw_only=True):
    """A passkey, without its key."""

    id: str
    name: str
    created_at: datetime


class Passkeys(Struct, frozen=True, kw_only=True):
    passkeys: list[PasskeyView]


@post("/api/auth/password", opt=VIEWER, status_code=200)
async def change_password(state: State, asking: Asked, data: JSONBody[NewPassword]) -> Done:
    """Change one's own password; every other session of one's own ends."""
    operators = state.core.operators
    await operators.sign_in.check_password(asking.signed_in.username, data.old)
    who = asking.signed_in
    await operators.set_password(who.username, data.new, who.person.name, who.session_id)
    return Done()


@post("/api/auth/totp/begin", opt=VIEWER, status_code=200)
async def begin_codes(state: State, asking: Asked, data: JSONBody[PasswordAgain]) -> NewCodes:
    """A new secret for one-time codes. It counts once a code of it was shown."""
    await _again(state, asking, data.password, data.factor, SetUpCodesAct())
    secret, uri = state.core.operators.begin_codes(asking.signed_in.username)
    return NewCodes(secret=secret, uri=uri)


@post("/api/auth/totp/confirm", opt=VIEWER, status_code=200)
async def confirm_codes(state: State, asking: Asked, data: JSONBody[CodeShown]) -> Done:
    """Let the new secret count."""
    who = asking.signed_in
    await state.core.operators.factors.confirm_codes(who.username, data.code, who.person.name)
    return Done()


@get("/api/auth/passkeys", opt=VIEWER)
async def passkeys(state: State, asking: Asked) -> Passkeys:
    """One's own passkeys."""
    known = state.core.operators.factors.passkeys_of(asking.person)
    return Passkeys(passkeys=[PasskeyView(id=it.credential_id, name=it.name, created_at=it.created_at) for it in known])


@post("/api/auth/passkeys/begin", opt=VIEWER, status_code=200)
async def begin_passkey(state: State, asking: Asked, data: JSONBody[PasswordAgain]) -> dict[str, Any]:
    """What `navigator.credentials.create` takes (PublicKeyCredentialCreationOptionsJSON)."""
    await _again(state, asking, data.password, data.factor, AddPasskeyAct())
    options: dict[str, Any] = state.core.operators.factors.begin_passkey(asking.person)
    return options


@post("/api/auth/passkeys/finish", opt=VIEWER, status_code=200)
async def finish_passkey(state: State, asking: Asked, data: JSONBody[NewPasskey]) -> PasskeyView:
    """Take the passkey that the browser made."""
    made = await state.core.operators.factors.finish_passkey(asking.person, data.name, data.credential)
    return PasskeyView(id=made.credential_id, name=made.name, created_at=made.created_at)


@post("/api/auth/passkeys/{passkey_id:str}/remove", opt=VIEWER, status_code=200)
async def remove_passkey(
    state: State, asking: Asked, passkey_id: FromPath[account_wire.CredentialId], data: JSONBody[Proof]
) -> Done:
    """Forget a passkey of one's own."""
    await asking.prove(RemovePasskeyAct(passkey_id=passkey_id), data.factor)
    await state.core.operators.factors.remove_passkey(asking.person, passkey_id)
    return Done()


@post("/api/auth/challenge", opt=VIEWER, status_code=200)
async def challenge(asking: Asked, data: JSONBody[AnyAct]) -> dict[str, Any]:
    """What a passkey is asked to sign for exactly this act (PublicKeyCredentialRequestOptionsJSON)."""
    return asking.challenge(data)


async def _again(state: State, asking: Asking, password: str, factor: Factor | None, act: Act) -> None:
    """Ask for the password again, and for the second factor where there is one: a stolen session adds no key."""
    operators = state.core.operators
    await operators.sign_in.check_password(asking.signed_in.username, password)
    who = asking.signed_in
    if operators.factors.had(who.username) != (False, 0):
        await asking.prove(act, factor)


ROUTES = (
    change_password,
    begin_codes,
    confirm_codes,
    passkeys,
    begin_passkey,
    finish_passkey,
    remove_passkey,
    challenge,
)
