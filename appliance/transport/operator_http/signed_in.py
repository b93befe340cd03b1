"""Who asks, and whether they may: checked before a route's code runs, and before its body is read."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from appliance.domain.operators import Person, Role
from appliance.service.core import Core
from appliance.service.second_factors import Factor
from appliance.service.sign_in import SignedIn
from appliance.transport import operator_wire as wire
from appliance.transport.door import Door
from appliance.transport.operator_acts import NotAllowed, OperatorActs
from appliance.transport.operator_http.call_rates import CallRates
from appliance.transport.operator_http.faults import AnyRequest, NotSignedIn
from appliance.transport.operator_http.step_up import Act, subject_of

AnyConnection = ASGIConnection[Any, Any, Any, Any]
ResultT = TypeVar("ResultT")
StructT = TypeVar("StructT", bound=Struct)

_SIGNED_IN = "readytrader.signed_in"
PUBLIC = {"public": True}
"""For routes that anybody may call: `@get(..., opt=PUBLIC)`."""
OPENED_METRICS = {"opened_by": "metrics"}
"""For a route that the configuration can open to anybody, beside its role: `metrics_open`."""
VIEWER = {"role": Role.VIEWER}
OPERATOR = {"role": Role.OPERATOR}
ADMIN = {"role": Role.ADMIN}


async def admit(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """The guard of every route. A route that says nothing of who may call it, nobody may.

    A coroutine, for Litestar runs plain functions in threads, and nothing of the core may be touched there.
    """
    rates: CallRates = connection.app.state.rates
    if handler.opt.get("public") is True:
        return
    if handler.opt.get("opened_by") in connection.app.state.opened:
        rates.draw_anybody()
        return
    signed_in = _authenticate(connection)
    if signed_in is None:
        door: Door = connection.app.state.door
        door.note("a call without a good access token")
        raise NotSignedIn
    rates.draw_account(signed_in.username)
    needed = handler.opt.get("role")
    if not isinstance(needed, Role) or not signed_in.person.role.covers(needed):
        raise NotAllowed(f"{signed_in.person.name} is {signed_in.person.role}; this needs {needed or 'more'}")
    connection.scope[_SIGNED_IN] = signed_in  # type: ignore[literal-required]


async def know_query(connection: AnyConnection, handler: BaseRouteHandler) -> None:
    """The second guard: an argument that a route does not know is an error, as everywhere."""
    known: frozenset[str] | None = connection.app.state.queries.get(handler.fn)
    unknown = set() if known is None else set(connection.query_params) - known
    if unknown:
        said = ", ".join(sorted(known or ())) or "none"
        raise ClientException(f"{len(unknown)} unknown in the query; what may stand there: {said}")


def _authenticate(connection: AnyConnection) -> SignedIn | None:
    headers = connection.headers.getall("authorization", [])
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        return None
    signed_in: SignedIn | None = connection.app.state.core.operators.sign_in.authenticate(token.strip())
    return signed_in


def signed_in_of(scope: Any) -> SignedIn:
    """Who the guard let in."""
    found = scope.get(_SIGNED_IN)
    if not isinstance(found, SignedIn):
        raise NotSignedIn
    return found


class Asking:
    """A person's acts: `await asking.one(verb, ResultType)`, `await asking.many(verb, RowType)`."""

    def __init__(self, core: Core, acts: OperatorActs, signed_in: SignedIn) -> None:
        self._core = core
        self._acts = acts
        self._signed_in = signed_in

    @property
    def signed_in(self) -> SignedIn:
        """Who asks, as they are now and not when the head of their request came. Raises `NotSignedIn`."""
        now = self._core.operators.sign_in.still(self._signed_in)
        if now is None:
            raise NotSignedIn
        return now

    @property
    def person(self) -> Person:
        """As `signed_in`, as the journal names them."""
        return self.signed_in.person

    async def one(self, verb: wire.AnyVerb, result: type[ResultT], factor: str = "") -> ResultT:
        """Carry the verb out; its one answer. `factor` is what `prove` answered."""
        answer = await self._acts.carry_out(checked(verb), self.person, factor)
        if not isinstance(answer, result):
            raise TypeError(f"{type(verb).__name__} answered {type(answer).__name__}")
        return answer

    async def many(self, verb: wire.AnyVerb, row: type[ResultT]) -> list[ResultT]:
        """Carry the verb out; the rows of its answer."""
        answer = await self._acts.carry_out(checked(verb), self.person)
        if not isinstance(answer, list) or not all(isinstance(it, row) for it in answer):
            raise TypeError(f"{type(verb).__name__} answered no list of {row.__name__}")
        return [it for it in answer if isinstance(it, row)]

    async def prove(self, act: Act, factor: Factor | None) -> str:
        """Have the second factor proved for exactly this act; which one it was.

        Raises `FactorRefused` and `VerbRefused`.
        """
        return await self._core.operators.factors.prove(self.person, factor, subject_of(checked(act), self._core))

    def challenge(self, act: Act) -> dict[str, Any]:
        """What a passkey is asked to sign for exactly this act. Raises as `prove`."""
        return self._core.operators.factors.challenge(self.person, subject_of(act, self._core))


def checked(said: StructT) -> StructT:
    """The same, once its bounds were looked at: Litestar looks at none that msgspec's `Meta` sets for a parameter.

    Raises `ClientException`.
    """
    try:
        return msgspec.convert(msgspec.to_builtins(said), type(said))
    except msgspec.ValidationError as fault:
        raise ClientException(str(fault)) from fault


Asked = NamedDependency[Asking]
"""How a route says that it wants one: `asking: Asked`."""


def asking_of(state: State, request: AnyRequest) -> Asking:
    """The dependency `asking` of every route that is not public."""
    return Asking(state.core, state.acts, signed_in_of(request.scope))
