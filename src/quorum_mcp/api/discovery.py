"""`/v1/models/discover`: every provider is asked for its list now, then the models are listed as OpenAI lists them."""

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.model_list import ASK, names
from quorum_mcp.api.openai.failures import error_body
from quorum_mcp.api.openai.models import show_models
from quorum_mcp.errors import QuorumError
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.registry import Registry


class Discovery:
    """The endpoint."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a provider that cannot be asked is named with the reason, and keeps its old list."""
        exchange = Exchange(scope, receive, send)
        try:
            exchange.principal.require(ASK)
            services, key = self._services(), exchange.principal.key
            errors = await _refresh(services.get(Registry))
            models = [one for one in names(services) if key is None or key.allows(one.name)]
            await exchange.json(show_models(models, {}) | {"quorum": {"errors": errors}}, {})
        except QuorumError as error:
            error.request_id = error.request_id or exchange.request_id
            await exchange.refuse(error, error_body(error))


async def _refresh(registry: Registry) -> dict[str, str]:
    """Ask all providers at once; the failures, by provider."""
    names = list(registry.providers)
    found = await asyncio.gather(*(_ask(registry, name) for name in names))
    return {name: error for name, error in zip(names, found, strict=True) if error is not None}


async def _ask(registry: Registry, name: str) -> str | None:
    try:
        await registry.list_models(name)
    except QuorumError as error:
        return error.message
    return None
