"""`[agent]`: the agents' listener."""

from __future__ import annotations

from appliance.config import forms
from appliance.config.settings.setting import setting

HTTP_HOST = setting(
    "agent.http_host",
    forms.loopback_host(),
    "Where agents reach MCP over HTTP; the loopback interface only.",
    default="127.0.0.1",
    basis="nothing leaves the host",
)
HTTP_PORT = setting(
    "agent.http_port",
    forms.whole(0, 65_535),
    "The port of the same; 0 takes a free one, and `serve` says which.",
    default=8100,
    basis="beside the operator's 8000",
)
