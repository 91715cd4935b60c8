"""The cache of answers: how often it could answer, and forgetting."""

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.access.principal import LOCAL, Principal
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.operations.card import Effect, Empty, Http, Operation
from quorum_mcp.operations.context import Context


class CacheView(BaseModel):
    """The cache as the caller sees it: the operator all of it, everyone else their own organisation's part."""

    backend: str = Field(description="`memory` (each process has its own), `redis` (shared) or `off`.")
    ttl_seconds: float = Field(description="How long an answer is kept, in seconds.")
    entries: int | None = Field(description="Answers that are kept; null while Redis is away.")
    bytes: int | None = Field(description="Bytes of memory they take; null where Redis keeps them.")
    hits: int = Field(description="Calls answered by a kept answer, since this process began.")
    joined: int = Field(description="Calls answered by an equal one that was under way.")
    misses: int = Field(description="Calls that could have been answered so, and had to ask.")
    hit_rate: float | None = Field(
        description="The share of hits and joined ones in all three; null without any."
    )


async def show(ctx: Context, _: Empty) -> CacheView:
    """How the cache does."""
    cache, tenant = ctx.get(Calls).cache, _tenant(ctx.principal)
    stored, counts = await cache.stored(tenant), cache.stats(tenant)
    return CacheView(
        backend="off" if cache.settings.backend == "off" else cache.backend.name,
        ttl_seconds=cache.settings.ttl_seconds,
        entries=stored.entries,
        bytes=stored.size,
        hits=counts.hits,
        joined=counts.joined,
        misses=counts.misses,
        hit_rate=counts.hit_rate,
    )


class Clear(BaseModel):
    """Which answers to forget: those that fit everything that is given; nothing given: all."""

    model_config = ConfigDict(extra="forbid")
    provider: str | None = Field(None, description="Only answers of this provider.")
    model: str | None = Field(
        None, description="Only answers of this model: `provider/model`, or the provider's own name of it."
    )
    key: str | None = Field(
        None, description="Only the answer with this key, as a call's trace shows it: `llm:…`."
    )


class Cleared(BaseModel):
    """How many answers were forgotten."""

    removed: int = Field(description="Answers that were kept and are not any more.")


async def clear(ctx: Context, given: Clear) -> Cleared:
    """Forget kept answers: the operator everyone's, others their own organisation's."""
    removed = await ctx.get(Calls).cache.remove(
        _tenant(ctx.principal), provider=given.provider, model=given.model, key=given.key
    )
    return Cleared(removed=removed)


def _tenant(principal: Principal) -> str | None:
    """Whose part of the cache it is; None for the operator, whose it is all."""
    operator = principal.tenant == LOCAL.tenant and "admin" in principal.scopes
    return None if operator else principal.tenant


OPERATIONS = [
    Operation(
        "cache.show", "How often kept answers could be given again.", show, Empty, CacheView,
        http=Http("GET", "/api/cache"),
    ),
    Operation(
        "cache.clear", "Forget kept answers, by provider, model or key.", clear, Clear, Cleared, Effect.WRITE,
        frozenset({"write"}), http=Http("DELETE", "/api/cache"),
    ),
]  # fmt: skip
