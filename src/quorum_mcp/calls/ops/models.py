"""Models: who has which, how they do, and one call to one of them."""

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.calls.budget import Allowance
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.following import told
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.calls.tokens import count
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import InvalidInput, QuorumError
from quorum_mcp.messages import Message, ModelRequest, message
from quorum_mcp.operations.card import Effect, Http, Operation, Surface
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry

GENERATE_SECONDS = 300.0


class ModelFilter(BaseModel):
    """Whose models; `refresh` asks the provider for its list now."""

    model_config = ConfigDict(extra="forbid")
    provider: str | None = Field(None, description="Only this provider's models.")
    refresh: bool = Field(False, description="Ask the providers for their lists now.")


class ModelView(BaseModel):
    """One model; prices are USD per million tokens, null where unknown."""

    name: str = Field(description="As questions name it: `provider/model`.")
    provider: str = Field(description="Its provider.")
    input_per_million: float | None = Field(description="USD per million tokens of the prompt.")
    output_per_million: float | None = Field(description="USD per million tokens of the answer.")
    price_source: str | None = Field(description="Where the price is from: `settings`, `table` or `free`.")
    simulated: bool = Field(description="Whether its answers are simulated.")


class Models(BaseModel):
    """Models by their full names, and what could not be listed."""

    models: list[ModelView] = Field(description="Each model.")
    errors: dict[str, str] = Field({}, description="Why a provider could not list its models, by provider.")


async def list_models(ctx: Context, given: ModelFilter) -> Models:
    """The models that can be asked."""
    registry = ctx.get(Registry)
    names = [registry.provider_name(given.provider)] if given.provider else list(registry.providers)
    views: list[ModelView] = []
    errors: dict[str, str] = {}
    for name in names:
        if given.refresh or not registry.known(name):
            if name not in registry.providers:
                registry.resolve(f"{name}/any")  # raises, with the reason and the nearest name
            try:
                await registry.list_models(name)
            except QuorumError as error:
                errors[name] = error.message
        views += [_model(registry, name, model) for model in registry.known(name)]
    return Models(models=views, errors=errors)


def _model(registry: Registry, provider: str, model: str) -> ModelView:
    price = registry.price(provider, model)
    return ModelView(
        name=f"{provider}/{model}",
        provider=provider,
        input_per_million=None if price is None else money.to_usd(price.input),
        output_per_million=None if price is None else money.to_usd(price.output),
        price_source=None if price is None else price.source,
        simulated=registry.providers[provider].kind == "sim",
    )


class Turn(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(description="What is said.")


class Generate(BaseModel):
    """One call of one model."""

    model_config = ConfigDict(extra="forbid")
    provider: str | None = Field(None, description="The provider; may be left out when `model` names it.")
    model: str | None = Field(
        None, description="provider/model, an alias, or the provider's own name of the model."
    )
    messages: list[Turn] = Field(min_length=1, description="The conversation; the last message is answered.")
    temperature: float | None = Field(None, ge=0, le=2, description="Absent: the model's own.")
    max_tokens: int | None = Field(
        None, ge=1, le=1_000_000, description="Tokens of the answer at most; absent: the model's own bound."
    )
    cache: bool = Field(
        True,
        description="false: neither give a kept answer nor keep this one. The header is x-quorum-cache: off.",
    )
    stream: bool = Field(False, description="Send progress while the model writes, where the surface can.")


class Generated(BaseModel):
    """The model's answer. `cost` is USD, null where no price is known; `latency` seconds."""

    answer: str = Field(description="The text.")
    reasoning: str | None = Field(description="What the model showed of its reasoning; null for nothing.")
    provider: str = Field(description="Who answered.")
    model: str = Field(description="The provider's own name of the model.")
    stop: str = Field(
        description="Why the answer ends: `stop`, `length`, `tool_calls`, `content_filter`, `other`."
    )
    input_tokens: int = Field(description="Tokens of the prompt.")
    output_tokens: int = Field(description="Tokens of the answer, reasoning included.")
    cost: float | None = Field(description="USD; null where no price is known.")
    latency: float = Field(description="Seconds.")
    simulated: bool = Field(description="Whether the answer is simulated.")
    cached: bool = Field(
        description="Whether it is the kept answer to an equal request, which costs nothing."
    )
    call_id: str = Field(description="The call's record.")
    warnings: list[str] = Field(description="What the caller should know.")


async def generate(ctx: Context, given: Generate) -> Generated:
    """Ask one model."""
    name = "/".join(part for part in (given.provider, given.model) if part)
    if given.model and "/" in given.model and given.provider and given.model.startswith(given.provider + "/"):
        name = given.model
    if not name:
        raise InvalidInput("no model is named", hint="give model, or provider; list_models lists them")
    messages: tuple[Message, ...] = tuple(message(turn.role, turn.content) for turn in given.messages)
    call = Call(
        model=name,
        request=ModelRequest("", messages, max_tokens=given.max_tokens, temperature=given.temperature),
        deadline=time.monotonic() + GENERATE_SECONDS,
        tenant=ctx.principal.tenant,
        key=ctx.principal.key,
        role="generate",
        allowance=Allowance.of(None, ctx.get(Settings)),
        surface=ctx.surface,
        cache=given.cache,
    )
    calls = ctx.get(Calls)
    progress = ctx.progress if given.stream else None
    result = await (calls.run(call) if progress is None else told(calls, call, progress))
    return Generated(
        answer=result.answer.text,
        reasoning=result.answer.reasoning or None,
        provider=result.provider,
        model=result.model,
        stop=result.answer.stop,
        input_tokens=result.answer.usage.input,
        output_tokens=result.answer.usage.output,
        cost=None if result.cost is None else money.to_usd(result.cost),
        latency=round(result.latency, 4),
        simulated=result.simulated,
        cached=result.cached,
        call_id=result.id,
        warnings=list(result.warnings),
    )


class TokenText(BaseModel):
    """A text to count."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=5_000_000, description="The text.")
    model: str | None = Field(None, description="The model that would read it.")


class TokenCount(BaseModel):
    """`exact` for OpenAI's current models, an estimate with their tokenizer for all others."""

    tokens: int = Field(description="How many it has.")
    exact: bool = Field(description="Whether that is the exact number for the model.")


async def count_tokens(ctx: Context, given: TokenText) -> TokenCount:
    """How many tokens a text has."""
    exact = False
    if given.model is not None:
        exact = (await ctx.get(Registry).find(given.model)).provider.name == "openai"
    return TokenCount(tokens=count(given.text), exact=exact)


ASK = frozenset({"ask"})
EVERYWHERE = frozenset[Surface]({"rest", "mcp", "cli", "sdk"})
OPERATIONS = [
    Operation(
        "models.list", "The models that can be asked, with their prices.", list_models, ModelFilter, Models,
        http=Http("GET", "/api/models"), surfaces=EVERYWHERE, tool="list_models", title="List models",
    ),
    Operation(
        "generate", "Ask one model one question.", generate, Generate, Generated, Effect.SPEND, ASK,
        http=Http("POST", "/api/models/generate"), surfaces=EVERYWHERE, tool="generate", title="Ask one model",
        open_world=True,
    ),
    Operation(
        "tokens.count", "How many tokens a text has.", count_tokens, TokenText, TokenCount,
        http=Http("POST", "/api/models/count-tokens"), surfaces=EVERYWHERE, tool="count_tokens", title="Count tokens",
    ),
]  # fmt: skip
