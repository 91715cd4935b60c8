"""The operations themselves, for whoever makes forms or calls out of them."""

from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.errors import NotFound
from quorum_mcp.operations.card import AnyOperation, Empty, Http, Operation
from quorum_mcp.operations.context import Context
from quorum_mcp.operations.manifest import operations


class RouteView(BaseModel):
    """Where REST offers an operation."""

    method: Literal["GET", "POST", "DELETE"] = Field(description="The HTTP method.")
    path: str = Field(description="The path; a name in braces is a field of the input.")


class CardView(BaseModel):
    """One operation."""

    name: str = Field(description="Its name, as `quorum op NAME` takes it.")
    summary: str = Field(description="What it does, in one sentence.")
    effect: Literal["read", "spend", "write", "destroy"] = Field(description="What it does to the world.")
    scopes: list[str] = Field(description="The scopes that a key needs for it.")
    surfaces: list[str] = Field(description="Where it is offered.")
    route: RouteView | None = Field(description="Where REST offers it; null: nowhere.")
    tool: str | None = Field(description="Its name as an MCP tool; null: it is none.")


class Cards(BaseModel):
    """The operations that the caller's scopes allow."""

    operations: list[CardView] = Field(description="By name.")


class OperationName(BaseModel):
    """An operation."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200, description="Its name.")


class CardDetails(CardView):
    """One operation with the shapes of what goes in and what comes out."""

    input: dict[str, Any] = Field(description="The JSON schema of its input.")
    output: dict[str, Any] = Field(description="The JSON schema of its answer.")


async def list_operations(ctx: Context, _: Empty) -> Cards:
    """What the caller may do here."""
    return Cards(operations=[CardView(**_card(one)) for _, one in sorted(_allowed(ctx).items())])


async def get_operation(ctx: Context, given: OperationName) -> CardDetails:
    """One operation with its schemas."""
    found = _allowed(ctx).get(given.name)
    if found is None:
        near = get_close_matches(given.name, list(_allowed(ctx)), 1)
        hint = f"did you mean {near[0]}?" if near else "GET /api/operations lists them"
        raise NotFound(f"there is no operation {given.name} that you may use", hint=hint)
    return CardDetails(
        **_card(found),
        input=found.input.model_json_schema(),
        output=found.output.model_json_schema(mode="serialization"),
    )


def _allowed(ctx: Context) -> dict[str, AnyOperation]:
    scopes = ctx.principal.scopes
    return {name: one for name, one in operations().items() if one.scopes <= scopes}


def _card(one: AnyOperation) -> dict[str, Any]:
    route = None if one.http is None else RouteView(method=one.http.method, path=one.http.path)
    return {
        "name": one.name,
        "summary": one.summary,
        "effect": one.effect.value,
        "scopes": sorted(one.scopes),
        "surfaces": sorted(one.surfaces),
        "route": route,
        "tool": one.tool,
    }


OPERATIONS = [
    Operation("operations.list", "The operations that you may use.", list_operations, Empty, Cards,
              http=Http("GET", "/api/operations")),
    Operation("operations.get", "One operation with the JSON schemas of its input and its answer.", get_operation,
              OperationName, CardDetails, http=Http("GET", "/api/operations/{name}")),
]  # fmt: skip
