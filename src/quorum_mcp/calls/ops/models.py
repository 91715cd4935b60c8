"""Models: who has which, how they do, and one call to one of them."""

import time
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp import money
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.following import told
from quorum_mcp.calls.health import Health, judge
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.calls.tokens import count
from quorum_mcp.errors import InvalidInput, QuorumError, StoreUnavailable
from quorum_mcp.messages import Message, ModelRequest, message
from quorum_mcp.operations.card import Effect, Empty, Http, Operation, Surface
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.run_list import RunList

GENERATE_SECONDS = 300.0


class RateLimit(BaseModel):
    """What is left of the limits towards a provider; null where none is set."""

    requests_available: int | None = None
    tokens_available: int | None = None


class ProviderView(BaseModel):
    """One provider. `response_time` is the mean of its last 100 calls, in seconds."""

    name: str
    title: str
    kind: str
    status: Health
    reason: str | None
    response_time: float | None
    model: str | None
    models: list[str]
    breaker: str
    rate_limit: RateLimit
    simulated: bool


class Providers(BaseModel):
    """All providers, those that are not configured too, with the reason."""

    providers: list[ProviderView]


async def list_providers(ctx: Context, _: Empty) -> Providers:
    """Every provider, its state and why."""
    registry, calls = ctx.get(Registry), ctx.get(Calls)
    described = registry.describe()
    stats = await ctx.get(CallStats).providers([d.name for d in described if d.configured])
    views: list[ProviderView] = []
    for found in described:
        breaker = calls.breaker.state(found.name)
        own = stats.get(found.name)
        verdict = judge(found.missing, breaker, own)
        mean = own.mean_latency_ms if own else None
        views.append(
            ProviderView(
                name=found.name,
                title=found.title,
                kind=found.kind,
                status=verdict.status,
                reason=verdict.reason,
                response_time=None if mean is None else round(mean / 1000, 4),
                model=found.model,
                models=list(found.models),
                breaker=breaker,
                rate_limit=_rate_limit(calls, found.name),
                simulated=found.kind == "sim",
            )
        )
    return Providers(providers=views)


def _rate_limit(calls: Calls, provider: str) -> RateLimit:
    requests, tokens = calls.limits.left(provider)
    return RateLimit(requests_available=requests, tokens_available=tokens)


class ModelFilter(BaseModel):
    """Whose models; `refresh` asks the provider for its list now."""

    model_config = ConfigDict(extra="forbid")
    provider: str | None = Field(None, description="Only this provider's models.")
    refresh: bool = Field(False, description="Ask the providers for their lists now.")


class ModelView(BaseModel):
    """One model; prices are USD per million tokens, null where unknown."""

    name: str
    provider: str
    input_per_million: float | None
    output_per_million: float | None
    price_source: str | None
    simulated: bool


class Models(BaseModel):
    """Models by their full names, and what could not be listed."""

    models: list[ModelView]
    errors: dict[str, str] = {}


async def list_models(ctx: Context, given: ModelFilter) -> Models:
    """The models that can be asked."""
    registry = ctx.get(Registry)
    names = [registry.provider_name(given.provider)] if given.provider else list(registry.providers)
    views: list[ModelView] = []
    errors: dict[str, str] = {}
    for name in names:
        if given.refresh or not registry.known(name):
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
    role: Literal["system", "user", "assistant"]
    content: str


class Generate(BaseModel):
    """One call of one model."""

    model_config = ConfigDict(extra="forbid")
    provider: str | None = Field(None, description="The provider; may be left out when `model` names it.")
    model: str | None = Field(
        None, description="provider/model, an alias, or the provider's own name of the model."
    )
    messages: list[Turn] = Field(min_length=1)
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    stream: bool = Field(False, description="Send progress while the model writes, where the surface can.")


class Generated(BaseModel):
    """The model's answer. `cost` is USD, null where no price is known; `latency` seconds."""

    answer: str
    reasoning: str | None
    provider: str
    model: str
    stop: str
    input_tokens: int
    output_tokens: int
    cost: float | None
    latency: float
    simulated: bool
    call_id: str
    warnings: list[str]


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
        role="generate",
        surface=ctx.surface,
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
        call_id=result.id,
        warnings=list(result.warnings),
    )


class TokenText(BaseModel):
    """A text to count."""

    model_config = ConfigDict(extra="forbid")
    text: str = Field(max_length=5_000_000)
    model: str | None = Field(None, description="The model that would read it.")


class TokenCount(BaseModel):
    """`exact` for OpenAI's current models, an estimate with their tokenizer for all others."""

    tokens: int
    exact: bool


async def count_tokens(ctx: Context, given: TokenText) -> TokenCount:
    """How many tokens a text has."""
    exact = False
    if given.model is not None:
        exact = (await ctx.get(Registry).find(given.model)).provider.name == "openai"
    return TokenCount(tokens=count(given.text), exact=exact)


class HealthView(BaseModel):
    """The server's state: `providers` counts those that can be asked."""

    status: Literal["healthy", "degraded", "unhealthy"]
    providers: int
    session_manager: str
    checks: dict[str, Any]


async def health(ctx: Context, _: Empty) -> HealthView:
    """Whether the parts work."""
    checks: dict[str, Any] = {}
    try:
        await ctx.get(RunList).counts()
        checks["database"] = "ok"
    except StoreUnavailable as error:
        checks["database"] = error.message
    views = (await list_providers(ctx, Empty())).providers if checks["database"] == "ok" else []
    usable = [view for view in views if view.status != "unconfigured" and not view.simulated]
    checks["providers"] = {view.name: view.status for view in usable}
    checks["limits"] = "rates, breakers and the cache are this process's own"
    bad = [view for view in usable if view.status == "unhealthy"]
    status: Literal["healthy", "degraded", "unhealthy"] = "degraded" if bad else "healthy"
    if checks["database"] != "ok" or (usable and len(bad) == len(usable)):
        status = "unhealthy"
    manager = "running" if checks["database"] == "ok" else "waiting for the database"
    return HealthView(status=status, providers=len(usable), session_manager=manager, checks=checks)


ASK = frozenset({"ask"})
EVERYWHERE = frozenset[Surface]({"rest", "mcp", "cli", "sdk"})
OPERATIONS = [
    Operation(
        "providers.list", "The providers, their state and why.", list_providers, Empty, Providers,
        http=Http("GET", "/api/providers"), surfaces=EVERYWHERE, tool="list_providers", title="List providers",
    ),
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
    Operation("health", "Whether the server and its providers work.", health, Empty, HealthView,
              http=Http("GET", "/api/health")),
]  # fmt: skip
