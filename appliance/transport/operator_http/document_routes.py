"""The API's own description."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.datastructures import State

from appliance.transport.operator_http.signed_in import PUBLIC


@get("/openapi.json", opt=PUBLIC, include_in_schema=False)
async def openapi(state: State) -> Response[Any]:
    """What may be called, by whom and how (OpenAPI 3.1). It is the same for everybody and holds no secret."""
    return Response(state.document, media_type="application/json")


ROUTES = (openapi,)
