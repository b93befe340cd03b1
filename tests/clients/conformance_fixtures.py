"""What the MCP conformance suite expects to find on a server, mounted on ours: same factory, same token door.

The suite calls tools, resources and prompts by names of its own; none of them is in the product.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError

from appliance.service.agents import Principal
from appliance.service.core import Core
from appliance.transport.door import Door
from appliance.transport.http import http_app, principal_of
from appliance.transport.loopback import AsgiApp, Receive, Scope, Send
from appliance.transport.mcp_server import build_server
from tests.transport.serving import new_token

Json = dict[str, Any]
Context = Any
Answer = types.CallToolResult | Json
Fixture = Callable[[Context, types.CallToolRequestParams], Awaitable[Answer]]

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
_SEAL = secrets.token_bytes(32)


def text(words: str, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=words)], is_error=is_error)


def embedded(uri: str, mime_type: str, words: str) -> types.EmbeddedResource:
    return types.EmbeddedResource(resource=types.TextResourceContents(uri=uri, mime_type=mime_type, text=words))


IMAGE = types.ImageContent(data=PIXEL, mime_type="image/png")
FIXED: Mapping[str, types.CallToolResult] = {
    "test_simple_text": text("This is a simple text response for testing."),
    "test_image_content": types.CallToolResult(content=[IMAGE]),
    "test_audio_content": types.CallToolResult(content=[types.AudioContent(data=SILENCE, mime_type="audio/wav")]),
    "test_embedded_resource": types.CallToolResult(
        content=[embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]
    ),
    "test_multiple_content_types": types.CallToolResult(
        content=[
            types.TextContent(text="Multiple content types test:"),
            IMAGE,
            embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
        ]
    ),
    "test_error_handling": text("This tool intentionally returns an error for testing", is_error=True),
}


# server to client, as the handshake revisions do it


async def with_logging(context: Context, _asked: types.CallToolRequestParams) -> Answer:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", words, related_request_id=context.request_id)
        await asyncio.sleep(0.05)
    return text("logged")


async def with_progress(context: Context, _asked: types.CallToolRequestParams) -> Answer:
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
        await asyncio.sleep(0.05)
    return text("progressed")


async def sampling(context: Context, asked: types.CallToolRequestParams) -> Answer:
    words = str((asked.arguments or {}).get("prompt", ""))
    message = types.SamplingMessage(role="user", content=types.TextContent(text=words))
    result = await context.session.create_message([message], max_tokens=100, related_request_id=context.request_id)
    return text(f"LLM response: {result.content.text}")


def eliciting(properties: Json, required: list[str]) -> Fixture:
    async def elicit(context: Context, asked: types.CallToolRequestParams) -> Answer:
        message = str((asked.arguments or {}).get("message", "Please answer"))
        schema = {"type": "object", "properties": properties, "required": required}
        result = await context.session.elicit_form(message, schema, related_request_id=context.request_id)
        return text(f"Elicitation completed: action={result.action}, content={json.dumps(result.content)}")

    return elicit


CHOICES = ["option1", "option2", "option3"]
TITLED = [{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]
USER = {"username": {"type": "string"}, "email": {"type": "string"}}
DEFAULTS = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
ENUMS = {
    "untitledSingle": {"type": "string", "enum": CHOICES},
    "titledSingle": {"type": "string", "oneOf": TITLED},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": CHOICES}},
    "titledMulti": {"type": "array", "items": {"anyOf": TITLED}},
}


# rounds of questions, as 2026-07-28 does it


def ask(message: str, field: str, kind: str = "string") -> Json:
    schema = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return {"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}}


def sample(words: str, max_tokens: int = 100) -> Json:
    message = {"role": "user", "content": {"type": "text", "text": words}}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": max_tokens}}


ROOTS: Json = {"method": "roots/list", "params": {}}
NAME = ask("What is your name?", "name")


def sealed(state: str) -> str:
    """A state with its integrity protected, as the revision demands."""
    return f"{state}.{hmac.new(_SEAL, state.encode(), hashlib.sha256).hexdigest()}"


def opened(asked: types.CallToolRequestParams) -> str | None:
    """The state that came back. Raises MCPError for one that is not ours."""
    if asked.request_state is None:
        return None
    state = asked.request_state.partition(".")[0]
    if not hmac.compare_digest(sealed(state), asked.request_state):
        raise MCPError(types.INVALID_PARAMS, "requestState was changed")
    return state


def question(requests: Json, state: str | None = None) -> Json:
    result: Json = {"resultType": "input_required", "inputRequests": requests}
    return result | ({} if state is None else {"requestState": sealed(state)})


def asking(requests: Json, state: str | None = None, done: str = "state-ok") -> Fixture:
    """Ask once for all of `requests`, again for what is missing, and then be done."""

    async def round_of(_context: Context, asked: types.CallToolRequestParams) -> Answer:
        came_back = opened(asked)
        if not requests.keys() <= (asked.input_responses or {}).keys() or came_back != state:
            return question(requests, state)
        return text(f"{done}: {', '.join(sorted(requests))}")

    return round_of


async def multi_round(_context: Context, asked: types.CallToolRequestParams) -> Answer:
    state, answered = opened(asked), (asked.input_responses or {}).keys()
    if state == "two" and "step2" in answered:
        return text("both steps are done")
    if state in ("one", "two") and (state == "two" or "step1" in answered):
        return question({"step2": ask("Step 2: What is your favorite color?", "color")}, "two")
    return question({"step1": ask("Step 1: What is your name?", "name")}, "one")


async def capabilities(context: Context, asked: types.CallToolRequestParams) -> Answer:
    declared = context.session.client_capabilities
    requests: Json = {}
    if declared is not None and declared.sampling is not None:
        requests["sampled"] = sample("Say something")
    if declared is not None and declared.elicitation is not None:
        requests["asked"] = NAME
    return text("asked enough") if asked.input_responses or not requests else question(requests)


async def missing_capability(context: Context, _asked: types.CallToolRequestParams) -> Answer:
    declared = context.session.client_capabilities
    if declared is None or declared.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(types.MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs sampling", needed)
    return text("the client can sample")


def fixed(result: types.CallToolResult) -> Fixture:
    async def answer(_context: Context, _asked: types.CallToolRequestParams) -> Answer:
        return result

    return answer


TOOLS: Mapping[str, Fixture] = {
    **{name: fixed(result) for name, result in FIXED.items()},
    "test_tool_with_logging": with_logging,
    "test_logging_tool": with_logging,
    "test_tool_with_progress": with_progress,
    "test_sampling": sampling,
    "test_elicitation": eliciting(USER, ["username", "email"]),
    "test_elicitation_sep1034_defaults": eliciting(DEFAULTS, []),
    "test_elicitation_sep1330_enums": eliciting(ENUMS, []),
    "test_input_required_result_elicitation": asking({"user_name": NAME}, done="Hello"),
    "test_input_required_result_sampling": asking({"capital_question": sample("What is the capital of France?")}),
    "test_input_required_result_list_roots": asking({"client_roots": ROOTS}),
    "test_input_required_result_request_state": asking({"confirm": ask("Please confirm", "ok", "boolean")}, "asked"),
    "test_input_required_result_tampered_state": asking({"confirm": ask("Please confirm", "ok", "boolean")}, "asked"),
    "test_input_required_result_multiple_inputs": asking(
        {"user_name": NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS}, "asked"
    ),
    "test_input_required_result_multi_round": multi_round,
    "test_input_required_result_capabilities": capabilities,
    "test_streaming_elicitation": asking({"user_name": NAME}),
    "test_missing_capability": missing_capability,
}

RESOURCES: Mapping[str, types.TextResourceContents | types.BlobResourceContents] = {
    "test://static-text": types.TextResourceContents(
        uri="test://static-text", mime_type="text/plain", text="This is the content of the static text resource."
    ),
    "test://static-binary": types.BlobResourceContents(uri="test://static-binary", mime_type="image/png", blob=PIXEL),
    "test://watched-resource": types.TextResourceContents(
        uri="test://watched-resource", mime_type="text/plain", text="Watched resource content"
    ),
}
PROMPTS = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


async def read_resource(_context: Context, asked: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    prefix, suffix = "test://template/", "/data"
    if asked.uri.startswith(prefix) and asked.uri.endswith(suffix):
        number = asked.uri.removeprefix(prefix).removesuffix(suffix)
        body = json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
        contents = types.TextResourceContents(uri=asked.uri, mime_type="application/json", text=body)
        return types.ReadResourceResult(contents=[contents])
    if asked.uri not in RESOURCES:
        raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": asked.uri})
    return types.ReadResourceResult(contents=[RESOURCES[asked.uri]])


async def get_prompt(_context: Context, asked: types.GetPromptRequestParams) -> types.GetPromptResult | Json:
    given = asked.arguments or {}
    said = types.TextContent(text="This is a simple prompt for testing.")
    contents: list[types.ContentBlock] = [said]
    match asked.name:
        case "test_input_required_result_prompt" if not asked.input_responses:
            return question({"user_context": ask("What context should the prompt use?", "context")})
        case "test_prompt_with_arguments":
            words = f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"
            contents = [types.TextContent(text=words)]
        case "test_prompt_with_embedded_resource":
            resource = embedded(given["resourceUri"], "text/plain", "Embedded resource content for testing.")
            contents = [resource, types.TextContent(text="Please process the embedded resource above.")]
        case "test_prompt_with_image":
            contents = [IMAGE, types.TextContent(text="Please analyze the image above.")]
    return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=it) for it in contents])


def mount(server: Server[Any]) -> None:
    """Add the fixtures beside the product's own tools."""
    own_list = server.get_request_handler("tools/list")
    own_call = server.get_request_handler("tools/call")
    assert own_list is not None
    assert own_call is not None

    async def list_tools(context: Context, page: types.PaginatedRequestParams) -> types.ListToolsResult:
        listed = await own_list.handler(context, page)
        schema = {"type": "object", "properties": {}}
        fixtures = [types.Tool(name=name, description="A fixture.", input_schema=schema) for name in TOOLS]
        return types.ListToolsResult(tools=[*listed.tools, *fixtures])

    async def call_tool(context: Context, asked: types.CallToolRequestParams) -> Any:
        fixture = TOOLS.get(asked.name)
        return await (own_call.handler(context, asked) if fixture is None else fixture(context, asked))

    async def list_resources(_context: Context, _page: Any) -> types.ListResourcesResult:
        rows = [types.Resource(uri=uri, name=uri, mime_type=it.mime_type) for uri, it in RESOURCES.items()]
        return types.ListResourcesResult(resources=rows)

    async def list_templates(_context: Context, _page: Any) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(name="template", uri_template="test://template/{id}/data")
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def list_prompts(_context: Context, _page: Any) -> types.ListPromptsResult:
        rows = [
            types.Prompt(
                name=name,
                description="A fixture.",
                arguments=[types.PromptArgument(name=it, required=True) for it in arguments],
            )
            for name, arguments in PROMPTS.items()
        ]
        return types.ListPromptsResult(prompts=rows)

    async def complete(_context: Context, _asked: Any) -> types.CompleteResult:
        return types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))

    async def acknowledge(_context: Context, _asked: Any) -> types.EmptyResult:
        return types.EmptyResult()

    server.add_request_handler("tools/list", types.PaginatedRequestParams, list_tools)
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    server.add_request_handler("resources/list", types.PaginatedRequestParams, list_resources)
    server.add_request_handler("resources/templates/list", types.PaginatedRequestParams, list_templates)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, read_resource)
    server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, acknowledge)
    server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, acknowledge)
    server.add_request_handler("prompts/list", types.PaginatedRequestParams, list_prompts)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, get_prompt)
    server.add_request_handler("completion/complete", types.CompleteRequestParams, complete)
    server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, acknowledge)
    for method in ("resources/list", "resources/templates/list", "resources/read", "prompts/list"):
        server.cache_hints[method] = CacheHint()


class WithToken:
    """Shows a token in the name of the suite, which has none to show."""

    def __init__(self, app: AsgiApp, token: str) -> None:
        self._app = app
        self._header = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], self._header]}
        await self._app(scope, receive, send)


class ConformanceListener:
    """The agents' HTTP listener with the fixtures mounted, and with the streams and sessions that the suite tests."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.port = 0

    async def start(self) -> None:
        token = await new_token(self._core, "conformance")
        assert isinstance(self._core.agents.authenticate(token), Principal)
        server = build_server(self._core, principal_of)
        mount(server)
        door = Door(self._core.agents, "conformance", self._core.clock)
        app = WithToken(http_app(server, door, json_response=False, stateless=False), token)
        web = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none")
        )
        self._serving = asyncio.create_task(web.serve())
        while not web.started:  # noqa: ASYNC110 - uvicorn says it no other way
            await asyncio.sleep(0.01)
        self.port = web.servers[0].sockets[0].getsockname()[1]
