from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import jwt
import msgspec
import pyotp
import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from appliance.domain.operators import Role
from appliance.service import passwords
from appliance.service.lockout import WAIT_MAX, Lockout
from appliance.service.operator_records import Account
from appliance.service.operator_registry import ACCOUNTS, OperatorRegistry
from appliance.service.second_factors import FactorRefused
from appliance.store.credentials import Credentials
from tests.operator_http.devices import enrolled
from tests.operator_http.serving import PASSWORD, Caller, add_operator, error_code, listening, served
from tests.operator_http.software_key import SoftwareKey
from tests.transport.serving import running_core


def test_somebody_with_an_account_signs_in_and_sees_how_things_are(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            status = await viewer.get("/api/status")
            me = await viewer.get("/api/auth/me")
            assert status.status_code == 200, status.text
            assert status.json()["mode"] == "paper"
            assert me.json()["username"] == "viewer"
            assert viewer.tokens["expires_in"] <= 600
            assert viewer.tokens["factors"] == {"totp": False, "passkeys": 0}

    asyncio.run(scenario())


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), Caller(http.port) as stranger:
            await add_operator(core, "alice", Role.ADMIN)
            wrong = await stranger.post("/api/auth/login", username="alice", password="wrong horse battery")
            unknown = await stranger.post("/api/auth/login", username="bob", password="wrong horse battery")
            assert wrong.status_code == unknown.status_code == 401
            assert error_code(wrong) == "bad_credentials"
            assert wrong.content == unknown.content

    asyncio.run(scenario())


def test_an_unknown_name_costs_the_same_work_as_a_wrong_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: list[str] = []

    def weighed(password: bytes, phc: str) -> None:
        costs.append(phc.rsplit("$", 2)[0])
        Argon2id.verify_phc_encoded(password, phc)

    async def scenario() -> None:
        async with served(tmp_path) as (core, http), Caller(http.port) as stranger:
            await add_operator(core, "alice", Role.ADMIN)
            monkeypatch.setattr(passwords, "Argon2id", SimpleNamespace(verify_phc_encoded=weighed))
            for name in ("alice", "bob", "Not A Name"):
                await stranger.post("/api/auth/login", username=name, password="wrong horse battery")
            assert costs == ["$argon2id$v=19$m=47104,t=1,p=1"] * 3

    asyncio.run(scenario())


def test_signing_out_ends_the_session_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            assert (await admin.post("/api/auth/logout")).status_code == 200
            after = await admin.get("/api/status")
            renewed = await admin.post("/api/auth/refresh", refresh_token=admin.tokens["refresh_token"])
            assert (after.status_code, error_code(after)) == (401, "not_signed_in")
            assert renewed.status_code == 401

    asyncio.run(scenario())


def test_a_refresh_token_buys_one_pair_and_shown_twice_ends_the_session(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            first = viewer.tokens["refresh_token"]
            second = (await viewer.post("/api/auth/refresh", refresh_token=first)).json()["refresh_token"]
            assert second != first
            again = await viewer.post("/api/auth/refresh", refresh_token=first)
            thiefs = await viewer.post("/api/auth/refresh", refresh_token=second)
            assert (again.status_code, thiefs.status_code) == (401, 401)
            assert (await viewer.get("/api/status")).status_code == 401

    asyncio.run(scenario())


def test_a_thief_hides_no_theft_by_buying_many_pairs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            stolen = viewer.tokens["refresh_token"]
            thiefs = await core.operators.sign_in.refresh(stolen)
            for _ in range(130):
                thiefs = await core.operators.sign_in.refresh(thiefs.refresh_token)
            assert (await viewer.post("/api/auth/refresh", refresh_token=stolen)).status_code == 401
            async with Caller(http.port, thiefs.access_token) as thief:
                assert (await thief.get("/api/status")).status_code == 401

    asyncio.run(scenario())


@pytest.mark.parametrize("forged", ["{session}_{other}", "rto_{session}_aa", "rto_{session}_{other}_{other}"])
def test_a_refresh_token_that_we_did_not_make_ends_nobodys_session(tmp_path: Path, forged: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.VIEWER) as viewer:
            session = viewer.tokens["refresh_token"].split("_")[1]
            token = forged.format(session=session, other="b" * 64)
            assert (await viewer.post("/api/auth/refresh", refresh_token=token)).status_code == 401
            assert (await viewer.get("/api/status")).status_code == 200

    asyncio.run(scenario())


def test_a_session_outlives_the_daemon_and_a_disabled_account_does_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http):
            viewer = await Caller.signed_in(core, http, Role.VIEWER)
        async with served(tmp_path) as (core, http):
            viewer.client.base_url = f"http://localhost:{http.port}"
            assert (await viewer.get("/api/status")).status_code == 200
            await core.operators.disable("viewer", "test")
            assert (await viewer.get("/api/status")).status_code == 401
            refused = await viewer.post("/api/auth/login", username="viewer", password=PASSWORD)
            assert error_code(refused) == "bad_credentials"
        await viewer.close()

    asyncio.run(scenario())


def test_a_change_of_role_or_password_counts_from_the_next_call_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            served(tmp_path) as (core, http),
            await Caller.signed_in(core, http, Role.ADMIN) as admin,
            await Caller.signed_in(core, http, Role.ADMIN) as other_browser,
        ):
            await core.operators.set_role("admin", Role.VIEWER, "test")
            assert (await admin.get("/api/operators")).status_code == 403
            changed = await admin.post("/api/auth/password", old=PASSWORD, new="another horse battery")
            assert changed.status_code == 200, changed.text
            assert (await admin.get("/api/status")).status_code == 200
            assert (await other_browser.get("/api/status")).status_code == 401

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
@pytest.mark.parametrize("trick", ["none", "another key", "another algorithm", "another audience", "expired"])
def test_a_token_that_we_did_not_make_for_this_is_not_good(tmp_path: Path, trick: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            key = (tmp_path / "keys" / "operator-sessions.key").read_bytes()
            claims = jwt.decode(admin.tokens["access_token"], options={"verify_signature": False})
            assert jwt.get_unverified_header(admin.tokens["access_token"])["alg"] == "HS256"
            if trick == "another audience":
                claims["aud"] = "others"
            if trick == "expired":
                claims["exp"] = claims["iat"] - 1
            signings = {"none": ("", "none"), "another key": (b"x" * 32, "HS256"), "another algorithm": (key, "HS512")}
            signing = signings.get(trick, (key, "HS256"))
            forged = jwt.encode(claims, signing[0] or None, algorithm=signing[1])
            async with Caller(http.port, forged) as forger:
                assert (await forger.get("/api/status")).status_code == 401

    asyncio.run(scenario())


def test_guessing_must_wait_and_nobody_is_locked_out_for_ever(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            served(tmp_path) as (core, http),
            await Caller.signed_in(core, http, Role.VIEWER) as viewer,
            Caller(http.port) as thief,
        ):
            for name in ("viewer", "nobody"):
                statuses = []
                for _ in range(6):
                    answer = await thief.post("/api/auth/login", username=name, password="wrong horse battery")
                    statuses.append(answer.status_code)
                assert statuses == [401] * 5 + [429], name
                assert int(answer.headers["retry-after"]) >= 1
                assert error_code(answer) == "locked"
            assert (await viewer.get("/api/status")).status_code == 200  # whoever is signed in stays so
            await core.operators.unlock("viewer", "test")
            await viewer.sign_in("viewer")

    asyncio.run(scenario())


@pytest.mark.parametrize("guessed", [0, 5])
def test_a_code_ends_the_wait_of_its_owner_and_not_of_whoever_guesses_codes(tmp_path: Path, guessed: int) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), Caller(http.port) as thief:
            await add_operator(core, "alice", Role.ADMIN)
            device = await enrolled(core, "alice")
            for _ in range(5):
                await thief.post("/api/auth/login", username="alice", password="wrong horse battery")
            code = device.code()
            wrong = str((int(code) + 1) % 1_000_000).zfill(6)
            for _ in range(guessed):
                guess = await thief.post("/api/auth/login", username="alice", password=PASSWORD, totp=wrong)
                assert (guess.status_code, error_code(guess)) == (429, "locked")
            right = await thief.post("/api/auth/login", username="alice", password=PASSWORD, totp=code)
            assert right.status_code == (429 if guessed else 200), right.text
            await core.operators.unlock("alice", "test")
            await thief.sign_in("alice", totp=device.code() if not guessed else code)

    asyncio.run(scenario())


def test_the_wait_grows_to_a_bound_ends_by_itself_and_is_not_prolonged_by_others() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    lockout = Lockout({}, lambda: now)
    waits = []
    for _ in range(20):
        lockout.note_failure("alice", alone=True)
        waits.append(lockout.wait("alice"))
    assert waits == sorted(waits)
    assert waits[3] == timedelta(0) < waits[4]
    assert waits[-1] == WAIT_MAX
    now += WAIT_MAX
    assert lockout.wait("alice") == timedelta(0)


def test_a_restart_forgets_no_failure(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), Caller(http.port) as thief:
            await add_operator(core, "alice", Role.ADMIN)
            for _ in range(5):
                await thief.post("/api/auth/login", username="alice", password="wrong horse battery")
        async with served(tmp_path) as (_, http), Caller(http.port) as thief:
            answer = await thief.post("/api/auth/login", username="alice", password=PASSWORD)
            assert answer.status_code == 429

    asyncio.run(scenario())


def test_the_file_of_credentials_is_closed_to_others_and_keeps_no_token_or_password(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.ADMIN) as admin:
            kept, modes = credentials_of(tmp_path)
            assert modes == {0o600}
            for secret in (PASSWORD, admin.tokens["refresh_token"], admin.tokens["access_token"]):
                assert secret.encode() not in kept
            assert b"$argon2id$v=19$m=47104,t=1,p=1$" in kept

    asyncio.run(scenario())


@pytest.mark.parametrize("key", ["code:alice", "again:alice", "*"])
def test_strangers_hinder_nobody_who_is_signed_in_by_signing_in_with_odd_names(tmp_path: Path, key: str) -> None:
    async def scenario() -> None:
        async with (
            served(tmp_path) as (core, http),
            await Caller.signed_in(core, http, Role.OPERATOR, "alice") as alice,
            Caller(http.port) as thief,
        ):
            device = await enrolled(core, "alice")
            for _ in range(7):
                await thief.post("/api/auth/login", username=key, password="wrong horse battery")
            await alice.post("/api/halt", reason="test")
            resumed = await alice.post("/api/resume", reason="test", factor=device.factor())
            assert resumed.status_code == 200, resumed.text
            again = await alice.post("/api/auth/totp/begin", password=PASSWORD, factor=device.factor())
            assert again.status_code == 200, again.text

    asyncio.run(scenario())


def test_strangers_use_up_nobodys_calls(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            running_core(tmp_path) as core,
            listening(core, calls_per_min=10) as http,
            await Caller.signed_in(core, http, Role.VIEWER) as viewer,
            Caller(http.port, "bad") as stranger,
        ):
            for _ in range(12):
                assert (await stranger.get("/api/status")).status_code == 401
                assert (await stranger.get("/api/health")).status_code == 200
            await viewer.sign_in("viewer")
            renewed = await viewer.post("/api/auth/refresh", refresh_token=viewer.tokens["refresh_token"])
            assert renewed.status_code == 200, renewed.text
            asked = [(await viewer.get("/api/auth/me")).status_code for _ in range(20)]
            assert (asked[0], asked[-1]) == (200, 429)

    asyncio.run(scenario())


def test_a_code_that_is_used_while_an_account_is_closed_opens_it_for_no_later_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        store, now = Credentials(tmp_path / "operators.db"), datetime.now(UTC)
        registry = OperatorRegistry(store, lambda: now)
        alice = Account(username="alice", role=Role.ADMIN, password_phc="", created_at=now, totp_secret="A" * 32)
        await registry.put_account(alice)
        closing = registry.put_account(msgspec.structs.replace(alice, disabled_at=now))
        await asyncio.gather(closing, registry.use_code(alice, 7))
        for known in (registry.accounts, store.load(ACCOUNTS, Account)):
            assert (known["alice"].disabled_at, known["alice"].totp_step) == (now, 7)
        registry.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("meanwhile", ["signed out", "closed", "made a viewer"])
def test_a_body_that_comes_late_is_no_act_of_somebody_who_may_not_any_more(tmp_path: Path, meanwhile: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR, "bob") as bob:
            reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
            body = b'{"reason":"late"}'
            head = (
                f"POST /api/halt HTTP/1.1\r\nHost: localhost:{http.port}\r\nContent-Type: application/json\r\n"
                f"Authorization: {bob.client.headers['authorization']}\r\nConnection: close\r\n"
                f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
            )
            writer.write(head.encode())
            assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")  # so the guard has let it in
            if meanwhile == "signed out":
                await bob.post("/api/auth/logout")
            elif meanwhile == "closed":
                await core.operators.disable("bob", "test")
            else:
                await core.operators.set_role("bob", Role.VIEWER, "test")
            writer.write(body)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 403" if meanwhile == "made a viewer" else b"HTTP/1.1 401"), answer
            assert not core.halt.is_halted()
            writer.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("deed", ["disable", "remove_factors", "set_password"])
def test_what_somebody_began_for_an_account_is_not_finished_once_an_admin_stepped_in(tmp_path: Path, deed: str) -> None:
    async def scenario() -> None:
        async with served(tmp_path) as (core, http), await Caller.signed_in(core, http, Role.OPERATOR, "bob") as thief:
            secret = (await thief.post("/api/auth/totp/begin", password=PASSWORD)).json()["secret"]
            key = SoftwareKey(f"http://localhost:{http.port}")
            options = (await thief.post("/api/auth/passkeys/begin", password=PASSWORD)).json()
            person = core.operators.all()[0].person
            password = ("another horse battery",) if deed == "set_password" else ()
            await getattr(core.operators, deed)("bob", *password, "test")
            if deed == "disable":
                await core.operators.enable("bob", "test")
            with pytest.raises(FactorRefused):
                await core.operators.factors.confirm_codes("bob", pyotp.TOTP(secret).now(), "test")
            with pytest.raises(FactorRefused):
                await core.operators.factors.finish_passkey(person, "thief's", key.create(options))

    asyncio.run(scenario())


def credentials_of(home: Path) -> tuple[bytes, set[int]]:
    """Every byte that is kept, and the modes of the files."""
    files = list(home.glob("operators.db*"))
    return b"".join(path.read_bytes() for path in files), {path.stat().st_mode & 0o777 for path in files}
