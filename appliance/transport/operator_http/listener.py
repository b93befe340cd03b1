"""The operators' HTTP listener, on the loopback interface."""

from __future__ import annotations

from appliance.service.core import Core
from appliance.service.passkeys import RP_ID
from appliance.transport.loopback import LoopbackServer
from appliance.transport.operator_http.app import operator_app

CONNECTIONS_MAX = 512


class OperatorHttp(LoopbackServer):
    """Serves operators over HTTP."""

    def __init__(self, core: Core, host: str, port: int, calls_per_min: int, *, metrics_open: bool = False) -> None:
        app = operator_app(core, calls_per_min, metrics_open=metrics_open)
        super().__init__("operator-http", app, host, port, ws="websockets-sansio", connections_max=CONNECTIONS_MAX)
        self._factors = core.operators.factors

    async def start(self) -> None:
        """Listen. Raises `HttpRefused` when the address is taken."""
        await super().start()
        self._factors.origin = f"http://{RP_ID}:{self.port}"
