"""How things are, and stopping them: status, halt, portfolio, orders, venues, plugins, settings."""

from __future__ import annotations

from litestar import get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from appliance.transport import operator_wire as wire
from appliance.transport.operator_http import bodies
from appliance.transport.operator_http.signed_in import OPERATOR, PUBLIC, VIEWER, Asked
from appliance.transport.operator_http.step_up import AcceptDriftAct, ResolveAct, ResumeAct
from appliance.transport.operator_results import (
    Accepted,
    Done,
    Halted,
    OperatorOrder,
    PortfolioView,
    SettingView,
    SourceHealth,
    StatusView,
    VenuesView,
    WorkerView,
)


class Health(Struct, frozen=True, kw_only=True):
    """What anybody on this host may know."""

    ok: bool
    """Whether something can be written, without which nothing is done."""
    version: str
    mode: str
    halted: bool


class Orders(Struct, frozen=True, kw_only=True):
    orders: list[OperatorOrder]


class Plugins(Struct, frozen=True, kw_only=True):
    plugins: list[WorkerView]


class Sources(Struct, frozen=True, kw_only=True):
    sources: list[SourceHealth]


class Settings(Struct, frozen=True, kw_only=True):
    settings: list[SettingView]


@get("/api/health", opt=PUBLIC)
async def health(state: State) -> Health:
    """Whether the appliance is well."""
    core = state.core
    return Health(
        ok=core.recorder.failure is None,
        version=core.identity.version,
        mode=core.identity.mode,
        halted=core.halt.is_halted(),
    )


@get("/api/status", opt=VIEWER)
async def status(asking: Asked) -> StatusView:
    """How everything is."""
    return await asking.one(wire.ShowStatus(), StatusView)


@get("/api/portfolio", opt=VIEWER)
async def portfolio(asking: Asked) -> PortfolioView:
    """What is held, what it is worth, and the reference points of the loss limits."""
    return await asking.one(wire.ShowPortfolio(), PortfolioView)


@get("/api/venues", opt=VIEWER)
async def venues(asking: Asked) -> VenuesView:
    """Every live venue, and who watches over them from outside."""
    return await asking.one(wire.ListVenues(), VenuesView)


@get("/api/plugins", opt=VIEWER)
async def plugins(asking: Asked) -> Plugins:
    """Every plugin's worker."""
    return Plugins(plugins=list((await asking.one(wire.ShowStatus(), StatusView)).workers))


@get("/api/sources", opt=VIEWER)
async def sources(asking: Asked) -> Sources:
    """Every source of market data."""
    return Sources(sources=list((await asking.one(wire.ShowStatus(), StatusView)).sources))


@get("/api/settings", opt=VIEWER)
async def settings(asking: Asked) -> Settings:
    """Every setting in force, and where it comes from."""
    return Settings(settings=await asking.many(wire.ListSettings(), SettingView))


@get("/api/orders", opt=VIEWER)
async def orders(
    asking: Asked, symbol: FromQuery[wire.SymbolName | None] = None, live_only: FromQuery[bool] = False,
    limit: FromQuery[wire.PageSize] = 50,
) -> Orders:  # fmt: skip
    """Orders of all agents: the newest first, or the live ones, oldest first."""
    verb = wire.ListOrders(symbol=symbol, live_only=live_only, limit=limit)
    return Orders(orders=await asking.many(verb, OperatorOrder))


@post("/api/halt", opt=OPERATOR, status_code=200)
async def halt(asking: Asked, data: JSONBody[bodies.Halt]) -> Halted:
    """Stop trading and cancel what is open."""
    return await asking.one(wire.HaltTrading(reason=data.reason), Halted)


@post("/api/restrict", opt=OPERATOR, status_code=200)
async def restrict(asking: Asked, data: JSONBody[bodies.Restrict]) -> Done:
    """Allow less in one scope than is allowed there now."""
    return await asking.one(wire.RestrictTrading(scope=data.scope, state=data.state, reason=data.reason), Done)


@post("/api/resume", opt=OPERATOR, status_code=200)
async def resume(asking: Asked, data: JSONBody[bodies.Resume]) -> Done:
    """Allow trading again. Needs the second factor."""
    await asking.prove(ResumeAct(scope=data.scope), data.factor)
    return await asking.one(wire.ResumeTrading(scope=data.scope, reason=data.reason), Done)


@post("/api/orders/cancel-all", opt=OPERATOR, status_code=200)
async def cancel_all(asking: Asked) -> Halted:
    """Cancel everything open, of every agent, without a halt."""
    return await asking.one(wire.CancelAllOrders(), Halted)


@post("/api/orders/{order_id:str}/cancel", opt=OPERATOR, status_code=200)
async def cancel(asking: Asked, order_id: FromPath[wire.Name]) -> OperatorOrder:
    """Cancel one order."""
    return await asking.one(wire.CancelOrder(order_id=order_id), OperatorOrder)


@post("/api/orders/{order_id:str}/resolve", opt=OPERATOR, status_code=200)
async def resolve(asking: Asked, order_id: FromPath[wire.Name], data: JSONBody[bodies.Resolve]) -> OperatorOrder:
    """Say what became of an order that nobody could find out about. Needs the second factor."""
    await asking.prove(ResolveAct(order_id=order_id, state=data.state), data.factor)
    verb = wire.ResolveOrder(order_id=order_id, state=data.state, reason=data.reason)
    return await asking.one(verb, OperatorOrder)


@post("/api/venues/{venue:str}/accept", opt=OPERATOR, status_code=200)
async def accept_drift(asking: Asked, venue: FromPath[wire.Name], data: JSONBody[bodies.AcceptDrift]) -> Accepted:
    """Take the venue's balances for right. Needs the second factor."""
    await asking.prove(AcceptDriftAct(venue=venue), data.factor)
    return await asking.one(wire.AcceptDrift(venue=venue, reason=data.reason), Accepted)


ROUTES = (
    health,
    status,
    portfolio,
    venues,
    plugins,
    sources,
    settings,
    orders,
    halt,
    restrict,
    resume,
    cancel_all,
    cancel,
    resolve,
    accept_drift,
)
