"""Figures: as JSON for the page, and as Prometheus scrapes them."""

from __future__ import annotations

from litestar import Response, get
from litestar.datastructures import State

from appliance.telemetry.figures import Snapshot
from appliance.telemetry.meter import CONTENT_TYPE
from appliance.transport import operator_wire as wire
from appliance.transport.operator_http.signed_in import OPENED_METRICS, VIEWER, Asked


@get("/api/metrics", opt=VIEWER)
async def figures(asking: Asked) -> Snapshot:
    """Every figure at this moment. Floats, for graphs."""
    return await asking.one(wire.ShowMetrics(), Snapshot)


@get("/metrics", opt=VIEWER | OPENED_METRICS)
async def exposition(state: State) -> Response[bytes]:
    """The same in Prometheus' text format; to whoever may look, or to anybody on this host where that was opened."""
    return Response(state.core.telemetry.meter.text(), headers={"content-type": CONTENT_TYPE})


ROUTES = (figures, exposition)
