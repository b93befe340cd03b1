"""Mutants of the operators' door: who is let in, who may do what, and what proves that it is really them."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

HTTP = "appliance/transport/operator_http"
WALLS = f"{HTTP}/walls.py"
GUARD = f"{HTTP}/signed_in.py"
SIGN_IN = "appliance/service/sign_in.py"
TOKENS = "appliance/service/session_tokens.py"
PASSKEYS = "appliance/service/passkeys.py"
EVERY = "tests/operator_http/test_every_route.py"
DECIDING = "tests/operator_http/test_deciding.py"
SIGNING = "tests/operator_http/test_signing_in.py"
FACTORS = "tests/operator_http/test_factors.py"
LIVE = "tests/operator_http/test_live_line.py"
RATES = "tests/operator_http/test_call_rates.py"

DOOR = (
    Mutant(
        "any name for this host is good enough",
        WALLS, '    if host not in {f"{name}:{port}" for name in HOSTS}:\n', "    if False:\n",
        EVERY, "wrong_host",
    ),
    Mutant(
        "any page may ask",
        WALLS, '    if any(origin.decode("latin-1").lower() != f"http://{host}" for origin in origins):\n',
        "    if False:\n",
        EVERY, "foreign_origin",
    ),
    Mutant(
        "another site may send a browser here",
        WALLS, 'not sites <= {b"same-origin", b"none"}', "False",
        EVERY, "no_spelling_of_a_path",
    ),
    Mutant(
        "a body may be as long as its header says",
        WALLS, "    if any(not value.isdigit() or int(value) > BODY_BYTES_MAX for value in lengths):\n",
        "    if False:\n",
        EVERY, "too_large",
    ),
    Mutant(
        "a body in pieces may be of any length",
        f"{HTTP}/app.py", "request_max_body_size=BODY_BYTES_MAX", "request_max_body_size=None",
        EVERY, "in_pieces",
    ),
    Mutant(
        "whoever is signed in may do everything",
        GUARD, " or not signed_in.person.role.covers(needed):\n", ":\n",
        EVERY, "lesser_role",
    ),
    Mutant(
        "a route that says nothing is open",
        GUARD, '    if handler.opt.get("public") is True:\n', '    if handler.opt.get("public", not handler.opt):\n',
        EVERY, "says_nothing",
    ),
    Mutant(
        "an agent's token is as good as a person's",
        GUARD, "    return signed_in\n",
        "    if signed_in is None and (agent := connection.app.state.core.agents.authenticate(token)) is not None:\n"
        "        operators = connection.app.state.core.operators\n"
        "        session = next(iter(operators._registry.sessions.values()))\n"
        "        somebody = operators._registry.accounts[session.username]\n"
        "        signed_in = SignedIn(\n"
        "            person=somebody.person, username=session.username, session_id=session.session_id,\n"
        "            expires_at=session.expires_at\n"
        "        )\n"
        "    return signed_in\n",
        DECIDING, "agents_credential",
    ),
    Mutant(
        "a link signs one out",
        f"{HTTP}/auth_routes.py", '@post("/api/auth/logout", opt=VIEWER, status_code=200)',
        '@get("/api/auth/logout", opt=VIEWER)',
        EVERY, "looking_changes_nothing",
    ),
    Mutant(
        "an account calls as often as it likes",
        GUARD, "    rates.draw_account(signed_in.username)\n", "",
        RATES, "account",
    ),
    Mutant(
        "anybody scrapes as often as they like",
        GUARD, "        rates.draw_anybody()\n", "",
        RATES, "anybody",
    ),
    Mutant(
        "figures are open to anybody",
        f"{HTTP}/app.py", 'frozenset({"metrics"} if metrics_open else ())', 'frozenset({"metrics"})',
        "tests/operator_http/test_metrics_routes.py", "nobody_scrapes",
    ),
    Mutant(
        "figures are open to anybody unless they are closed",
        "appliance/config/settings/operator_http.py",
        '`readytrader metrics` needs no HTTP at all.",\n    default=False,',
        '`readytrader metrics` needs no HTTP at all.",\n    default=True,',
        "tests/operator_http/test_metrics_routes.py", "nobody_scrapes",
    ),
    Mutant(
        "a live line needs no token",
        f"{HTTP}/live_line.py",
        "        if not isinstance(said, Auth) or signed_in is None:\n"
        '            self._door.note("a live line without a good access token")\n'
        "            raise _Closed(CLOSED_TOKEN)\n"
        "        return said.token, signed_in\n",
        "        return getattr(said, 'token', ''), signed_in  # type: ignore[return-value]\n",
        LIVE, "without_a_good_token",
    ),
    Mutant(
        "a live line outlives its token",
        f"{HTTP}/live_line.py", "        while self._sign_in.authenticate(token) is not None:", "        while True:",
        LIVE, "its_own_token or session_ends",
    ),
    Mutant(
        "a viewer may have a proposal shown with its token",
        "appliance/transport/operator_wire.py",
        'class ShowApproval(Verb, frozen=True, kw_only=True, tag="approvals.show"):\n    needs = Role.OPERATOR\n',
        'class ShowApproval(Verb, frozen=True, kw_only=True, tag="approvals.show"):\n    needs = Role.VIEWER\n',
        DECIDING, "no_push_shows",
    ),
)  # fmt: skip

SIGNING_IN = (
    Mutant(
        "a token is what it says it is",
        TOKENS, '"verify_exp": False,', '"verify_exp": False, "verify_signature": False,',
        SIGNING, "another_key or (another and key)",
    ),
    Mutant(
        "a token chooses its algorithm",
        TOKENS, "algorithms=[ALGORITHM],", "algorithms=[str(jwt.get_unverified_header(token)['alg'])],",
        SIGNING, "another and algorithm",
    ),
    Mutant(
        "a token is good for ever",
        TOKENS, "expires_at = datetime.fromtimestamp(expires, now.tzinfo)", "expires_at = now + timedelta(minutes=10)",
        SIGNING, "expired",
    ),
    Mutant(
        "a token outlives its session",
        SIGN_IN,
        "        if session is None or account is None or session.username != username or self._clock()",
        "        if account is None or session is not None and self._clock()",
        SIGNING, "signing_out",
    ),
    Mutant(
        "a refresh token that is shown twice is merely refused",
        SIGN_IN, '            await self.end(session.session_id, "a refresh token was used twice")\n', "",
        SIGNING, "shown_twice",
    ),
    Mutant(
        "guesses are not counted",
        SIGN_IN, "        changed = lockout.note_failure(username)\n",
        "        changed = {}  # type: ignore[var-annotated]\n",
        SIGNING, "guessing_must_wait",
    ),
    Mutant(
        "a restart forgets the guesses",
        SIGN_IN, "            await self._registry.keep_failures(changed)\n", "            pass\n",
        SIGNING, "forgets_no_failure",
    ),
    Mutant(
        "an unknown name is refused without work",
        SIGN_IN, "good = await passwords.matches(password, None if account is None else account.password_phc)",
        "good = account is not None and await passwords.matches(password, account.password_phc)",
        SIGNING, "same_work",
    ),
    Mutant(
        "a one-time code is good for as long as it is shown",
        "appliance/service/one_time_codes.py", " and step > newest_used:\n", ":\n",
        FACTORS, "good_once",
    ),
    Mutant(
        "a passkey's signature is good for every act",
        PASSKEYS, "        if known.subject_sha256 != hashlib.sha256(subject.encode()).digest():\n",
        "        if False:\n",
        FACTORS, "signs_one_act",
    ),
    Mutant(
        "one person's challenge is good for another",
        PASSKEYS, "known is None or known.username != username or", "known is None or",
        FACTORS, "signs_one_act",
    ),
    Mutant(
        "a challenge can be answered again",
        PASSKEYS, "self._challenges.pop(challenge, None)", "self._challenges.get(challenge)",
        FACTORS, "what_a_passkey_signed",
    ),
    Mutant(
        "a challenge is good for ever",
        PASSKEYS, " or self._clock() >= known.expires_at:\n", ":\n",
        FACTORS, "two_minutes",
    ),
    Mutant(
        "a passkey that anybody holds is enough",
        PASSKEYS, "credential_current_sign_count=passkey.sign_count,\n                require_user_verification=True,",
        "credential_current_sign_count=passkey.sign_count,\n                require_user_verification=False,",
        FACTORS, "what_a_passkey_signed",
    ),
    Mutant(
        "a passkey that verifies nobody can be added",
        PASSKEYS, "expected_origin=origin,\n                require_user_verification=True,",
        "expected_origin=origin,\n                require_user_verification=False,",
        FACTORS, "without_a_verified_person",
    ),
    Mutant(
        "trading is resumed without a second factor",
        f"{HTTP}/trading_routes.py",
        "    await asking.prove(ResumeAct(scope=data.scope), data.factor)\n", "",
        FACTORS, "resuming_needs",
    ),
    Mutant(
        "a limit is loosened over HTTP without a second factor",
        f"{HTTP}/limit_routes.py",
        "    factor = await asking.prove(LoosenAct(name=data.name, value=data.value), data.factor)\n",
        '    factor = "totp"\n',
        DECIDING, "limits_are_tightened",
    ),
)  # fmt: skip
