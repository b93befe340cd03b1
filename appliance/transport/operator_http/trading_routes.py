"""How things are, and stopping them: status, halt, portfolio, orders, venues, agents, plugins, settings."""

from __future__ import annotations

from litestar import get
from litestar.datastructures import State
from msgspec import Struct

from appliance.transport import operator_wire as wire
from appliance.transport.operator_http.signed_in import PUBLIC, VIEWER, Asked
from appliance.transport.operator_results import PortfolioView, StatusView


class Health(Struct, frozen=True, kw_only=True):
    """What anybody on this host may know."""

    ok: bool
    """Whether something can be written, without which nothing is done."""
    version: str
    mode: str
    halted: bool


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


ROUTES = (health, status, portfolio)
