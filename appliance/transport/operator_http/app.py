"""The operators' listener as one application: walls, guard, routes, errors."""

from __future__ import annotations

import time
from typing import cast

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from appliance.service.core import Core
from appliance.transport.door import Door
from appliance.transport.loopback import AsgiApp, Receive, Scope, Send
from appliance.transport.operator_acts import OperatorActs
from appliance.transport.operator_http import (
    approval_routes,
    auth_routes,
    document_routes,
    factor_routes,
    insight_routes,
    journal_routes,
    limit_routes,
    metrics_routes,
    notice_routes,
    page_files,
    people_routes,
    report_routes,
    trading_routes,
)
from appliance.transport.operator_http.call_rates import CallRates
from appliance.transport.operator_http.document import document, query_names
from appliance.transport.operator_http.faults import HANDLERS
from appliance.transport.operator_http.live import LiveUpdates
from appliance.transport.operator_http.live_line import LiveLine
from appliance.transport.operator_http.signed_in import admit, asking_of, know_query
from appliance.transport.operator_http.walls import BODY_BYTES_MAX, Walls

FAMILIES = (
    auth_routes,
    document_routes,
    factor_routes,
    approval_routes,
    insight_routes,
    journal_routes,
    limit_routes,
    metrics_routes,
    notice_routes,
    people_routes,
    report_routes,
    trading_routes,
    page_files,
)
"""Every module of routes; each has its `ROUTES`."""


def litestar_app(core: Core, calls_per_min: int, *, metrics_open: bool = False) -> Litestar:
    """The routes with their guard, without the walls around them."""
    routes = [route for family in FAMILIES for route in family.ROUTES]
    state = State(
        {
            "core": core,
            "document": document(routes),
            "queries": {route.fn: query_names(route) for route in routes if route.include_in_schema is not False},
            "acts": OperatorActs(core),
            "door": Door(core.agents, "operator http", core.clock, core.telemetry.stages),
            "opened": frozenset({"metrics"} if metrics_open else ()),
            "rates": CallRates(calls_per_min, time.monotonic),
        }
    )
    return Litestar(
        routes,
        state=state,
        guards=[admit, know_query],
        dependencies={"asking": Provide(asking_of, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        openapi_config=None,
    )


def operator_app(core: Core, calls_per_min: int, *, metrics_open: bool = False) -> AsgiApp:
    """The whole listener as an ASGI application."""
    routes = cast(AsgiApp, litestar_app(core, calls_per_min, metrics_open=metrics_open))
    door = Door(core.agents, "operator live line", core.clock, core.telemetry.stages)
    line = LiveLine(core, LiveUpdates(core), door)

    async def by_protocol(scope: Scope, receive: Receive, send: Send) -> None:
        await (line if scope["type"] == "websocket" else routes)(scope, receive, send)

    return Walls(by_protocol)
