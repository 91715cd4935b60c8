"""The manifest as MCP tools: one for every operation whose card names one."""

from functools import cache

from mcp_types import Tool, ToolAnnotations

from quorum_mcp.api.mcp.schemas import input_schema, output_schema
from quorum_mcp.operations.card import AnyOperation, Effect
from quorum_mcp.operations.tools import tool_operations


@cache
def definitions() -> dict[str, Tool]:
    """What `tools/list` says of each tool."""
    return {name: _definition(name, operation) for name, operation in tool_operations().items()}


def hints(effect: Effect, *, open_world: bool) -> ToolAnnotations:
    """An operation's effect as the hints by which hosts decide whether to ask their user."""
    if effect is Effect.READ:
        return ToolAnnotations(read_only_hint=True, open_world_hint=open_world)
    return ToolAnnotations(
        read_only_hint=False,
        destructive_hint=effect is Effect.DESTROY,
        idempotent_hint=False,
        open_world_hint=open_world,
    )


def _definition(name: str, operation: AnyOperation) -> Tool:
    return Tool(
        name=name,
        title=operation.title or name,
        description=operation.summary,
        input_schema=input_schema(operation.input),
        output_schema=output_schema(operation.output),
        annotations=hints(operation.effect, open_world=operation.open_world),
    )
