"""Providers: how they do, a check of one of them, and the health of the whole server."""

from difflib import get_close_matches
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from quorum_mcp.calls.health import Status
from quorum_mcp.calls.health.service import Health
from quorum_mcp.calls.health.vitals import Vital
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import NotFound, StoreUnavailable
from quorum_mcp.events import stamp
from quorum_mcp.operations.card import Effect, Empty, Http, Operation, Surface
from quorum_mcp.operations.context import Context
from quorum_mcp.providers.directory import endpoint_name
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.call_stats import CallStats
from quorum_mcp.store.clock import MICROSECONDS
from quorum_mcp.store.run_list import RunList


class RateLimit(BaseModel):
    """What is left of the limits towards a provider; null where none is set."""

    requests_available: int | None = Field(None, description="Requests that may be sent now.")
    tokens_available: int | None = Field(None, description="Tokens that may be used now.")


class BreakerView(BaseModel):
    """The breaker of one model."""

    model: str = Field(description="The provider's own name of the model.")
    deployment: str | None = Field(
        None, description="Which of the provider's endpoints, where it has several."
    )
    state: Literal["closed", "half-open", "open"] = Field(description="`open`: it is not asked.")
    reason: str | None = Field(description="What opened it.")
    retry_after: float | None = Field(description="Seconds until a call tries it; null where it is closed.")


class DeploymentView(BaseModel):
    """One of several endpoints behind a provider's name, as this server sees it."""

    name: str = Field(description="Its name, or its number.")
    weight: int = Field(description="Its share of the calls against the others.")
    breaker: Literal["closed", "half-open", "open"] = Field(description="The worst state of its breakers.")
    active: int = Field(description="Calls that are under way there now.")
    waiting: int = Field(description="Calls that wait for a place there.")
    rate_limit: RateLimit = Field(description="What is left of its limits.")


class ProviderView(BaseModel):
    """One provider. `response_time` is the mean of its last 100 calls, in seconds."""

    name: str = Field(description="Its name, the first part of `provider/model`.")
    title: str = Field(description="Its name for people.")
    kind: str = Field(description="`remote`, `local` (on this machine), `builtin` or `sim`.")
    status: Status = Field(description="How it does.")
    reason: str | None = Field(description="Why it is not healthy, or what it lacks.")
    response_time: float | None = Field(description="Mean of its last 100 calls, seconds; null without any.")
    model: str | None = Field(description="What its bare name stands for.")
    models: list[str] = Field(description="The models it is known to have.")
    breaker: str = Field(
        description="The worst state of its models' breakers (of several endpoints, of the best one): closed, half-open "
        "or open."
    )
    breakers: list[BreakerView] = Field(description="Those of its models' breakers that are not closed.")
    last_error: str | None = Field(description="The last failure that this server saw: code and HTTP status.")
    last_error_at: str | None = Field(description="When that was.")
    checked_at: str | None = Field(description="When this server last asked it for its models.")
    rate_limit: RateLimit = Field(description="What is left of its limits.")
    deployments: list[DeploymentView] = Field(description="Its endpoints, where it has several.")
    simulated: bool = Field(description="Whether its answers are simulated.")


class Providers(BaseModel):
    """All providers, those that are not configured too, with the reason."""

    providers: list[ProviderView] = Field(description="Each provider.")


async def list_providers(ctx: Context, _: Empty) -> Providers:
    """Every provider, its state and why."""
    registry, calls, state = ctx.get(Registry), ctx.get(Calls), ctx.get(Health)
    described = registry.describe()
    stats = await ctx.get(CallStats).providers([d.name for d in described if d.configured])
    views: list[ProviderView] = []
    for found in described:
        own, vital = stats.get(found.name), state.vitals.of(found.name)
        verdict = state.verdict(found.name, missing=found.missing, stored=own)
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
                breaker=calls.balance.state(found.name),
                breakers=_breakers(calls, found.name),
                last_error=None if vital.last is None else str(vital.last),
                last_error_at=None if vital.last is None else stamp(vital.last.at / MICROSECONDS),
                checked_at=_checked_at(vital),
                rate_limit=_rate_limit(*calls.limits.left(found.name)),
                deployments=_deployments(calls, found.name),
                simulated=found.kind == "sim",
            )
        )
    return Providers(providers=views)


def _checked_at(vital: Vital) -> str | None:
    return None if vital.check is None else stamp(vital.check.at_us / MICROSECONDS)


def _breakers(calls: Calls, provider: str) -> list[BreakerView]:
    return [
        BreakerView(
            model=one.model,
            deployment=one.deployment,
            state=one.state,
            reason=one.reason,
            retry_after=round(one.wait, 1),
        )
        for one in calls.breaker.views(provider)
        if one.state != "closed"
    ]


def _deployments(calls: Calls, provider: str) -> list[DeploymentView]:
    found: list[DeploymentView] = []
    for one in calls.registry.deployments.get(provider, ()):
        endpoint = endpoint_name(provider, one.name)
        queue = calls.queues.of(endpoint).state()
        found.append(
            DeploymentView(
                name=one.name,
                weight=one.weight,
                breaker=calls.breaker.state(endpoint),
                active=queue.taken,
                waiting=queue.waiting,
                rate_limit=_rate_limit(*calls.limits.left_at(endpoint)),
            )
        )
    return found


def _rate_limit(requests: int | None, tokens: int | None) -> RateLimit:
    return RateLimit(requests_available=requests, tokens_available=tokens)


class ProviderName(BaseModel):
    """A provider."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200, description="Its name.")


class ProviderCheck(BaseModel):
    """What a check of a provider found."""

    name: str = Field(description="The provider.")
    ok: bool = Field(description="Whether it listed its models.")
    latency: float | None = Field(description="Seconds it took; null where nothing was sent.")
    models: int | None = Field(description="How many it listed; null where it did not.")
    error: dict[str, Any] | None = Field(description="`code`, `message` and `hint` of what went wrong.")


async def test_provider(ctx: Context, given: ProviderName) -> ProviderCheck:
    """Ask a provider for the list of its models now. That costs nothing and needs its key to be right."""
    registry = ctx.get(Registry)
    name = registry.provider_name(given.name)
    if name not in registry.providers:
        known = {one.name: one.missing for one in registry.describe()}
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise NotFound(f"there is no provider {given.name}", hint=hint)
        error = {"code": "unconfigured", "message": known[name] or "it is not set up", "hint": None}
        return ProviderCheck(name=name, ok=False, latency=None, models=None, error=error)
    check, failed = await ctx.get(Health).prober.check(name)
    if failed is None:
        count = len(registry.known(name))
        return ProviderCheck(name=name, ok=True, latency=round(check.seconds, 4), models=count, error=None)
    error = {"code": failed.code, "message": failed.message, "hint": failed.hint}
    return ProviderCheck(name=name, ok=False, latency=round(check.seconds, 4), models=None, error=error)


class HealthView(BaseModel):
    """The server's state: `providers` counts those that can be asked."""

    status: Literal["healthy", "degraded", "unhealthy"] = Field(description="How the server does.")
    providers: int = Field(description="Providers that can be asked.")
    session_manager: str = Field(description="`running`, or what it waits for.")
    checks: dict[str, Any] = Field(description="Each part and how it does.")


async def health(ctx: Context, _: Empty) -> HealthView:
    """Whether the parts work."""
    calls, checks = ctx.get(Calls), dict[str, Any]()
    try:
        await ctx.get(RunList).counts()
        checks["database"] = "ok"
    except StoreUnavailable as error:
        checks["database"] = error.message
    views = (await list_providers(ctx, Empty())).providers if checks["database"] == "ok" else []
    usable = [view for view in views if view.status != "unconfigured" and not view.simulated]
    checks["providers"] = {view.name: view.status for view in usable}
    checks["reasons"] = {view.name: view.reason for view in usable if view.reason}
    checks["limits"] = calls.limits.where()
    bad = [view for view in usable if view.status == "unhealthy"]
    status: Literal["healthy", "degraded", "unhealthy"] = "degraded" if bad else "healthy"
    if not calls.limits.whole:
        status = "degraded"
    if checks["database"] != "ok" or (usable and len(bad) == len(usable)):
        status = "unhealthy"
    manager = "running" if checks["database"] == "ok" else "waiting for the database"
    return HealthView(status=status, providers=len(usable), session_manager=manager, checks=checks)


EVERYWHERE = frozenset[Surface]({"rest", "mcp", "cli", "sdk"})
OPERATIONS = [
    Operation(
        "providers.list", "The providers, their state and why.", list_providers, Empty, Providers,
        http=Http("GET", "/api/providers"), surfaces=EVERYWHERE, tool="list_providers", title="List providers",
    ),
    Operation(
        "providers.test", "Check now that a provider answers and takes its key.", test_provider, ProviderName,
        ProviderCheck, Effect.WRITE, frozenset({"write"}), http=Http("POST", "/api/providers/{name}/test"),
        open_world=True,
    ),
    Operation("health", "Whether the server and its providers work.", health, Empty, HealthView,
              http=Http("GET", "/api/health")),
]  # fmt: skip
