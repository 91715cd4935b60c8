"""The MCP server itself, the same over every transport and for both revisions of the protocol."""

from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
)

from quorum_mcp import __version__
from quorum_mcp.api.mcp.backend import Backend

INSTRUCTIONS = (
    "Quorum asks several AI models one question and returns one answer with the share of models behind it "
    "and what the others said. "
    "Call q_in with the question, then q_out with the session_id until status is completed; call q_out "
    "again while it is still running. "
    "For one model's answer use generate; list_models and list_providers say what can be asked. "
    "Calls cost the user's money: cost is in USD."
)
LIST_SECONDS = 300
"""How long a client may keep the list of tools; it changes with a new version only."""

Caller = ServerRequestContext[Any, Any]
Bind = Callable[[Caller], Backend]
"""From a request to who carries out its operations, with the caller's own rights."""


def build(bind: Bind) -> Server[Any]:
    """The server. The manifest is imported when tools are first asked for: `initialize` needs none of it."""

    async def list_tools(_: Caller, __: PaginatedRequestParams | None) -> ListToolsResult:
        from quorum_mcp.api.mcp.tools import definitions

        return ListToolsResult(tools=list(definitions().values()))

    async def on_call(ctx: Caller, params: CallToolRequestParams) -> CallToolResult:
        return await _call(bind, ctx, params)

    return Server(
        "quorum",
        title="Quorum",
        version=__version__,
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(ttl_ms=LIST_SECONDS * 1000, scope="private")},
        get_tool_input_schema=_input_schema,
        on_list_tools=list_tools,
        on_call_tool=on_call,
    )


async def _call(bind: Bind, ctx: Caller, params: CallToolRequestParams) -> CallToolResult:
    from quorum_mcp.api.mcp.calling import call_tool
    from quorum_mcp.api.mcp.progress import Reporter
    from quorum_mcp.api.mcp.tools import nearest, tool_operations

    operation = tool_operations().get(params.name)
    if operation is None:
        raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name!r}; {nearest(params.name)}")
    token = ctx.meta.get("progress_token") if ctx.meta else None
    return await call_tool(
        bind(ctx),
        operation,
        params.arguments or {},
        reporter=None if token is None else Reporter(ctx, token),
        hung_up=None if ctx.request is None else ctx.request.state.hung_up,
    )


def _input_schema(name: str) -> Mapping[str, Any] | None:
    """The schema that the SDK checks `Mcp-Param-*` headers against; without it, it lists all tools per call."""
    from quorum_mcp.api.mcp.tools import definitions

    tool = definitions().get(name)
    return None if tool is None else tool.input_schema
