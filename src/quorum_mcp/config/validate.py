"""What has to hold between settings, beyond the type of each one."""

import ipaddress
import re
from collections.abc import Generator, Iterable, Mapping
from typing import get_args
from urllib.parse import urlsplit

from quorum_mcp.config.addresses import literal, refusal
from quorum_mcp.config.nodes import Origin, fail, nearest
from quorum_mcp.config.providers import MODEL, DeploymentSettings, ProviderSettings
from quorum_mcp.config.settings import Settings
from quorum_mcp.events import AlertKind

VIRTUAL = "quorum"
"""The provider of the virtual models (`quorum/quick`, …)."""
RESERVED = {
    VIRTUAL: "the virtual models (quorum/quick, …)",
    "builtin": "the solvers that are built in",
}
"""Providers that are always there, and whose they are: no names for a provider of one's own."""

WEBHOOK_EVENTS = ("budget.alert", "provider.status")
"""What a webhook may ask for, besides single kinds of alerts."""

WAYS = ("bearer", "header", "query", "command")
"""How a key may be sent."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def validate(settings: Settings, origins: Mapping[str, Origin]) -> None:
    """Check everything that a single value's type does not tell.

    Raises:
        ConfigError: it names the dotted key of the value and, out of `origins`, where it was written.
    """
    for problems in (
        _providers, _models, _limits, _webhooks, _guardrails, _addresses, _services, _server, _oauth,
    ):  # fmt: skip
        for key, problem, hint in problems(settings):
            raise fail(_origin(origins, key), key, problem, hint)


Problem = tuple[str, str, str | None]
"""The dotted key, what is wrong, what to do."""


def _providers(settings: Settings) -> Generator[Problem, None, None]:
    for name, provider in settings.providers.items():
        key = f"providers.{name}"
        if name in RESERVED:
            yield key, f"this name belongs to {RESERVED[name]}", "Choose another name."
        elif not _NAME.fullmatch(name):
            yield key, "a provider's name is made of letters, digits, `.`, `_` and `-`", None
        yield from _endpoint(key, provider)
        yield from _deployments(key, provider)
        if provider.models is not None and provider.model and provider.model not in provider.models:
            yield f"{key}.model", f"is none of models{nearest(provider.model, provider.models)}", None
        for model in provider.model_limits:
            if provider.models is not None and model not in provider.models:
                yield (
                    f"{key}.model_limits.{model}",
                    f"is none of models{nearest(model, provider.models)}",
                    None,
                )


def _endpoint(key: str, endpoint: ProviderSettings | DeploymentSettings) -> Generator[Problem, None, None]:
    if endpoint.base_url is not None and (problem := _bad_url(endpoint.base_url.replace(MODEL, "model"))):
        yield f"{key}.base_url", problem, "Write http://… or https://…"
    if endpoint.api_key_env and endpoint.api_keys:
        yield f"{key}.api_keys", "api_key_env and api_keys cannot both be given", None
    for name in endpoint.headers:
        if not _HEADER.fullmatch(name):
            yield f"{key}.headers.{name}", "is no name of a header", None
    if endpoint.auth is None:
        return
    way, _, rest = endpoint.auth.partition(" ")
    if way not in WAYS:
        problem = f"expected bearer, header NAME, query NAME or command PROGRAM{nearest(way, WAYS)}"
        yield f"{key}.auth", problem, None
    elif bool(rest.strip()) == (way == "bearer"):
        yield f"{key}.auth", "expected bearer, header NAME, query NAME or command PROGRAM", None


def _deployments(key: str, provider: ProviderSettings) -> Generator[Problem, None, None]:
    names = provider.deployment_names
    for number, deployment in enumerate(provider.deployments):
        own = f"{key}.deployments[{number}]"
        yield from _endpoint(own, deployment)
        if deployment.base_url is None and provider.base_url is None:
            yield f"{own}.base_url", "is missing", "A deployment has its own address, or the provider's."
        if not _NAME.fullmatch(names[number]):
            yield f"{own}.name", "a deployment's name is made of letters, digits, `.`, `_` and `-`", None
        elif names.index(names[number]) != number:
            yield f"{own}.name", "there is another deployment of this name", None
        for model in deployment.models:
            if provider.models is not None and model not in provider.models:
                problem = f"is none of the provider's models{nearest(model, provider.models)}"
                yield f"{own}.models.{model}", problem, None
    for model in provider.models or ():
        if names and not any(
            one.model or not one.models or model in one.models for one in provider.deployments
        ):
            yield f"{key}.models", f"no deployment serves {model}", "Name it in a deployment's models."


def _models(settings: Settings) -> Generator[Problem, None, None]:
    """Nothing that a consensus asks may be a consensus itself."""
    for name, alias in settings.models.items():
        if "/" in name or not name.strip():
            yield f"models.{name}", "an alias holds no slash", None
        if alias.provider == VIRTUAL:
            yield f"models.{name}.provider", "an alias cannot stand for a quorum/… model", None
    for key, models in _asked(settings):
        for model in models:
            if model.partition("/")[0].strip().lower() == VIRTUAL:
                hint = "A panel asks models of providers; a quorum/… model would ask a panel again."
                yield key, f"names {model!r}, which is a consensus itself", hint
    for name, models in settings.panels.items():
        if not models:
            yield f"panels.{name}", "a panel needs at least one model", None


def _asked(settings: Settings) -> Generator[tuple[str, Iterable[str]], None, None]:
    consensus = settings.consensus
    yield from ((f"panels.{name}", models) for name, models in settings.panels.items())
    yield "consensus.synthesizer", [consensus.synthesizer or ""]
    yield "consensus.judge", [consensus.judge or ""]
    yield "consensus.fallback", consensus.fallback
    yield from ((f"strategies.{name}.models", one.models) for name, one in settings.strategies.items())
    for name, chain in settings.fallbacks.items():
        yield f"fallbacks.{name}", chain


def _limits(settings: Settings) -> Generator[Problem, None, None]:
    retry = settings.retry
    if retry.min_seconds > retry.max_seconds:
        key = "retry.min_seconds"
        yield key, f"{retry.min_seconds:g} is more than retry.max_seconds, {retry.max_seconds:g}", None
    seen: set[tuple[str, str | None]] = set()
    for number, budget in enumerate(settings.budgets):
        if (budget.period, budget.provider) in seen:
            yield f"budgets[{number}]", "there is another budget of this period and provider", None
        seen.add((budget.period, budget.provider))
    zone = settings.records.timezone
    if zone != "UTC" and not _is_zone(zone):
        yield "records.timezone", f"{zone!r} is no known time zone", "Write one as Europe/Vienna."


def _webhooks(settings: Settings) -> Generator[Problem, None, None]:
    known = (*WEBHOOK_EVENTS, *get_args(AlertKind))
    for number, webhook in enumerate(settings.webhooks):
        key = f"webhooks[{number}]"
        yield from _hook(key, webhook.url, private=webhook.allow_private)
        if any(webhook.url == other.url for other in settings.webhooks[:number]):
            yield (
                f"{key}.url",
                "there is another webhook with this address",
                "Name its events in one of them.",
            )
        for event in webhook.events:
            if event not in known:
                yield (
                    f"{key}.events",
                    f"there is no event {event!r}{nearest(event, known)}",
                    f"Known: {', '.join(known)}",
                )


def _hook(key: str, url: str, *, private: bool) -> Generator[Problem, None, None]:
    """Whether the server may send to the address of a webhook or guardrail."""
    if problem := _bad_url(url):
        yield f"{key}.url", problem, None
    elif (address := literal(url)) and (why := refusal(address, private=private)):
        hint = None if refusal(address, private=True) else "If you mean it: allow_private: true"
        yield f"{key}.url", why, hint


def _guardrails(settings: Settings) -> Generator[Problem, None, None]:
    for number, guardrail in enumerate(settings.guardrails):
        key = f"guardrails[{number}]"
        yield from _hook(key, guardrail.url, private=guardrail.allow_private)
        if guardrail.overlap >= guardrail.window:
            yield f"{key}.overlap", "has to be less than window", None
        if not guardrail.stages:
            yield f"{key}.stages", "names no stage", "Leave it out for both, or remove the guardrail."


def _addresses(settings: Settings) -> Generator[Problem, None, None]:
    if settings.url is not None and (problem := _bad_url(settings.url)):
        yield "url", problem, "Write the server's address, as http://127.0.0.1:8000."
    if settings.redis_url and not settings.redis_url.startswith(("redis://", "rediss://", "unix://")):
        yield "redis_url", "expected redis://HOST:PORT/NUMBER", None
    if settings.cache.backend == "redis" and not settings.redis_url:
        yield "cache.backend", "redis needs the variable REDIS_URL", None


def _services(settings: Settings) -> Generator[Problem, None, None]:
    for name, service in settings.mcp_services.items():
        key = f"mcp_services.{name}"
        if service.type == "stdio" and (not service.command or service.url):
            yield key, "a service of type stdio has a command and no url", None
        if service.type == "http":
            if service.command or service.url is None:
                yield key, "a service of type http has a url and no command", None
            elif problem := _bad_url(service.url):
                yield f"{key}.url", problem, None


def _server(settings: Settings) -> Generator[Problem, None, None]:
    if (url := settings.server.peer_url) is not None:
        problem = _bad_url(url)
        if problem is None and ("@" in url or urlsplit(url)[2:] != ("", "", "")):
            problem = "holds more than scheme, host and port"
        if problem:
            yield "server.peer_url", problem, None
    if settings.auth == "off" and not is_loopback(settings.server.host):
        where = f"server.host is {settings.server.host!r} ({settings.sources['server.host']})"
        hint = "Listen on 127.0.0.1, or leave QUORUM_AUTH unset."
        yield "auth", f"off is only for a server on loopback, and {where}", hint
    if settings.auth == "off" and settings.server.bridge and not is_loopback(settings.server.bridge_host):
        where = f"server.bridge_host is {settings.server.bridge_host!r}"
        yield "auth", f"off is only for a server on loopback, and {where}", "Leave it out, or QUORUM_AUTH."


def _oauth(settings: Settings) -> Generator[Problem, None, None]:
    oauth = settings.mcp.oauth
    if oauth is None:
        return
    for name, url in (("issuer", oauth.issuer), ("resource", oauth.resource), ("jwks_url", oauth.jwks_url)):
        if url is None:
            continue
        parts = urlsplit(url)
        if problem := _bad_url(url) or (
            "holds a query or a fragment" if parts.query or parts.fragment else None
        ):
            yield f"mcp.oauth.{name}", problem, None
        elif name != "resource" and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            yield f"mcp.oauth.{name}", "has to be https", "Whoever can change what it answers makes tokens."
    if oauth.organizations and oauth.organization_claim is None:
        yield "mcp.oauth.organizations", "needs organization_claim", "Name the claim that holds these values."
    if oauth.organization_claim is not None and not oauth.organizations:
        yield (
            "mcp.oauth.organization_claim",
            "needs organizations",
            "Say which organisation each value means.",
        )
    if settings.auth == "off":
        yield (
            "auth",
            "off asks nobody for a key, and mcp.oauth asks everybody to sign in",
            "Remove one of them.",
        )
    if not oauth.scopes:
        yield "mcp.oauth.scopes", "without any, nobody may do anything", None


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _bad_url(url: str) -> str | None:
    """What is wrong with an http address; its text may hold a password and is not repeated."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    return None if valid and not re.search(r"[\s${}]", url) else "is no http:// or https:// address"


def _is_zone(name: str) -> bool:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _origin(origins: Mapping[str, Origin], key: str) -> Origin:
    """Where a value was written, or what holds it."""
    while key:
        if found := origins.get(key):
            return found
        key = key.rpartition(".")[0]
    return Origin("configuration")
