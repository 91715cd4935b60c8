"""What is left of the rates towards providers."""

from pydantic import BaseModel, Field, RootModel

from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.operations.card import Empty, Http, Operation, Surface
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry


class RateView(BaseModel):
    """The tightest limits that hold towards a provider, its own told ones among them; null where there is none."""

    requests_per_minute: int | None = Field(description="Requests per minute.")
    tokens_per_minute: int | None = Field(description="Tokens per minute, prompts and answers together.")
    requests_available: int | None = Field(description="Requests that may be sent now.")
    tokens_available: int | None = Field(description="Tokens that may be used now.")


class RatesView(RootModel[dict[str, RateView]]):
    """The limits by the name of the provider."""


async def list_rates(ctx: Context, _: Empty) -> RatesView:
    """The limits towards every provider that can be asked, and what is left of them."""
    limits, found = ctx.get(Calls).limits, dict[str, RateView]()
    for provider in ctx.get(Registry).providers:
        limit, (requests, tokens) = await limits.look(provider)
        found[provider] = RateView(
            requests_per_minute=None if limit.requests is None else round(limit.requests),
            tokens_per_minute=None if limit.tokens is None else round(limit.tokens),
            requests_available=requests,
            tokens_available=tokens,
        )
    return RatesView(found)


OPERATIONS = [
    Operation(
        "rate-limits", "What is left of the rates towards each provider.", list_rates, Empty, RatesView,
        http=Http("GET", "/api/rate-limits"), surfaces=frozenset[Surface]({"rest", "cli", "sdk"}),
    ),
]  # fmt: skip
