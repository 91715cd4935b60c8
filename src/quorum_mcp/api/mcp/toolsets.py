"""Which tools a client is shown: a few by default, because its model reads every word of each; more by name.

Over HTTP the address names them (`/mcp?toolsets=default,models`), over stdio the command does
(`quorum mcp --toolsets …`). A tool that is not shown can still be called.
"""

import difflib
from collections.abc import Sequence

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

from quorum_mcp.api.mcp.offers import Caller
from quorum_mcp.errors import InvalidInput

ALL = "all"
TOOLSETS: dict[str, tuple[str, ...]] = {
    "default": (
        "q_in",
        "q_out",
        "orchestrate_task",
        "query_specific_model",
        "code_review",
        "think_deeper",
        "multi_model_review",
        "comparative_analysis",
        "review_changes",
        "get_orchestrator_status",
        "list_models",
    ),
    "panel": ("q_in", "q_out", "update_session_context"),
    "review": ("code_review", "review_changes", "multi_model_review", "comparative_analysis"),
    "tasks": ("orchestrate_task", "analyze_task", "think_deeper", "query_specific_model", "q_out"),
    "models": ("generate", "list_models", "list_providers", "count_tokens", "query_specific_model"),
    "operate": ("get_orchestrator_status", "configure_orchestrator", "get_metrics", "list_providers"),
}
"""Names of tools by toolset; `all` is every tool."""


def check(names: Sequence[str]) -> None:
    """Raise `InvalidInput` for a toolset that is not there."""
    for name in names:
        if name not in TOOLSETS and name != ALL:
            raise InvalidInput(f"there is no toolset {name!r}", hint=_hint(name))


def chosen(ctx: Caller, otherwise: Sequence[str]) -> list[str]:
    """The names of the tools to list for this caller, in the manifest's order.

    Args:
        ctx: its request, whose address may name toolsets.
        otherwise: the toolsets where it names none.
    """
    from quorum_mcp.operations.tools import tool_operations

    named = list(otherwise) or ["default"]
    if ctx.request is not None and (given := ctx.request.query_params.get("toolsets")):
        named = [name.strip() for name in given.split(",") if name.strip()]
    try:
        check(named)
    except InvalidInput as error:
        raise MCPError(INVALID_PARAMS, f"{error.message}; {error.hint}") from None
    shown = {tool for name in named for tool in TOOLSETS.get(name, ())}
    return [name for name in tool_operations() if ALL in named or name in shown]


def _hint(name: str) -> str:
    known = [*TOOLSETS, ALL]
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
