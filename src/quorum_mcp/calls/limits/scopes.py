"""Which limits hold for a call: the provider's, the model's, the vendor's own, the tenant's and the key's."""

from quorum_mcp.access.principal import KeyRule
from quorum_mcp.calls.limits.learned import Learned
from quorum_mcp.calls.limits.limit import Limit
from quorum_mcp.config.providers import limits_of
from quorum_mcp.config.settings import Settings
from quorum_mcp.providers.registry import Registry, Target

MOST = 10_000
"""Models and callers whose limits are kept at hand."""


class Scopes:
    """The limits of calls, out of the settings and what providers told.

    The defaults hold where neither says anything, but not for what costs nothing.
    """

    def __init__(self, settings: Settings, registry: Registry, learned: Learned) -> None:
        self._settings = settings
        self._registry = registry
        self._learned = learned
        self._targets: dict[str, tuple[Limit, ...]] = {}
        self._callers: dict[tuple[str, KeyRule | None], tuple[Limit, ...]] = {}

    def of(self, target: Target, tenant: str, key: KeyRule | None) -> tuple[Limit, ...]:
        """All limits of a call, those that are most often reached by others first."""
        limits = self.of_target(target)
        if key is None and not self._settings.server.tenant_limits:
            return limits
        return limits + self.of_caller(tenant, key)

    def of_target(self, target: Target) -> tuple[Limit, ...]:
        """The limits towards a model at its endpoint."""
        limits = self._targets.get(target.label)
        if limits is None:
            if len(self._targets) >= MOST:
                self._targets.clear()  # names are callers' own: they could be without end
            remote = target.provider.kind == "remote"
            limits = self._targets[target.label] = self._of_target(target.endpoint, target.model, remote)
        return limits

    def of_caller(self, tenant: str, key: KeyRule | None) -> tuple[Limit, ...]:
        """The limits of a key, and of its tenant."""
        limits = self._callers.get((tenant, key))
        if limits is None:
            if len(self._callers) >= MOST:
                self._callers.clear()
            limits = self._callers[tenant, key] = tuple(self._make_caller(tenant, key))
        return limits

    def of_endpoint(self, endpoint: str) -> tuple[Limit, ...]:
        """The limits towards an endpoint, as calls of the model meet them that the provider's bare name stands for."""
        provider = endpoint.partition("@")[0]
        found = self._registry.providers.get(provider)
        model = self._registry.default(provider) or ""
        limits = self._of_target(endpoint, model, found is not None and found.kind == "remote")
        own = [limit for limit in limits if limit.name == f"provider:{endpoint}"]
        return (*own, *self._learned.of_endpoint(endpoint))

    def forget(self, label: str) -> None:
        """Something was learned of `provider/model`, or of `provider@deployment/model`."""
        self._targets.pop(label, None)

    def _of_target(self, endpoint: str, model: str, remote: bool) -> tuple[Limit, ...]:
        settings, provider = self._settings, endpoint.partition("@")[0]
        learned = self._learned.of(f"{endpoint}/{model}")
        entry, own = settings.providers.get(provider), limits_of(settings.providers, endpoint)
        requests, tokens = own.requests_per_minute, own.tokens_per_minute
        price = self._registry.price(provider, model)
        if remote and (price is None or price.input or price.output):
            if requests is None and not (learned and learned.requests):
                requests = settings.default_requests_per_minute
            if tokens is None and not (learned and learned.tokens):
                tokens = settings.default_tokens_per_minute
        limits = (
            [] if requests is None and tokens is None else [Limit(f"provider:{endpoint}", requests, tokens)]
        )
        if entry and (rates := entry.model_limits.get(model)):
            name = f"model:{provider}/{model}"
            limits.append(Limit(name, rates.requests_per_minute, rates.tokens_per_minute))
        if learned:
            limits.append(learned)
        return tuple(limits)

    def _make_caller(self, tenant: str, key: KeyRule | None) -> list[Limit]:
        limits: list[Limit] = []
        if own := self._settings.server.tenant_limits.get(tenant):
            limits.append(Limit(f"tenant:{tenant}", own.requests_per_minute, own.tokens_per_minute))
        if key is not None and (key.requests_per_minute or key.tokens_per_minute):
            limits.append(Limit(f"key:{key.id}", key.requests_per_minute, key.tokens_per_minute))
        return limits
