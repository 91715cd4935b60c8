"""Who is asking, as the server sees it."""

from typing import Literal

from pydantic import BaseModel, Field

from quorum_mcp.operations.card import Empty, Http, Operation
from quorum_mcp.operations.context import Context


class Caller(BaseModel):
    """The caller of a request."""

    id: str = Field(description="The key's id; `local` for a trusted caller on loopback.")
    organization: str = Field(
        description="The organisation whose records it sees; `local` is the operator's."
    )
    kind: Literal["local", "key", "user"] = Field(description="`local`: trusted without a key.")
    scopes: list[str] = Field(description="What it may do.")
    models: list[str] | None = Field(description="The only models it may ask; null: all.")


async def whoami(ctx: Context, _: Empty) -> Caller:
    """The caller, with what it may do."""
    who = ctx.principal
    models = None if who.key is None or who.key.models is None else list(who.key.models)
    return Caller(id=who.id, organization=who.tenant, kind=who.kind, scopes=sorted(who.scopes), models=models)


OPERATIONS = [
    Operation(
        "whoami", "Who is asking, and what they may do.", whoami, Empty, Caller, scopes=frozenset(),
        http=Http("GET", "/api/whoami"),
    ),
]  # fmt: skip
