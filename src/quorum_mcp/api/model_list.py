"""Routes that list the models a caller may name, in a vendor's dialect."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from starlette.types import Receive, Scope, Send

from quorum_mcp.api.exchange import Exchange
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.errors import QuorumError
from quorum_mcp.operations.context import Services
from quorum_mcp.providers.registry import Registry

ASK = frozenset({"ask"})


class Named(Struct, frozen=True):
    """A model: the name that a request gives it, and whose it is."""

    name: str
    owner: str


Show = Callable[[Sequence[Named], Mapping[str, Any]], dict[str, Any]]
"""From the models and what stands in the request's path or body to the answer."""


class ModelList:
    """The endpoint; `show` may raise `ModelNotFound`, and `error` writes what went wrong."""

    def __init__(
        self, services: Callable[[], Services], show: Show, error: Callable[[QuorumError], dict[str, Any]]
    ) -> None:
        self._services = services
        self._show = show
        self._error = error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange(scope, receive, send)
        try:
            exchange.principal.require(ASK)
            asked = exchange.path if scope["method"] == "GET" else await exchange.json_body()
            key = exchange.principal.key
            models = [one for one in names(self._services()) if key is None or key.allows(one.name)]
            await exchange.json(self._show(models, asked), {})
        except QuorumError as error:
            error.request_id = error.request_id or exchange.request_id
            await exchange.refuse(error, self._error(error))


def names(services: Services) -> list[Named]:
    """Every model that a request may name: of the providers, aliases, panels."""
    registry, found = services.get(Registry), list[Named]()
    for provider in registry.describe():
        if provider.configured:
            known = registry.known(provider.name) or ((provider.model,) if provider.model else ())
            found += [Named(f"{provider.name}/{name}", provider.name) for name in known]
    found += [Named(alias, given.provider) for alias, given in registry.settings.models.items()]
    virtual = services.get(Calls).virtual
    return found + [Named(name, "quorum") for name in (virtual.names() if virtual is not None else ())]
