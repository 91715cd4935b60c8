"""Which limits hold for a call: the provider's, the model's, the vendor's own, the tenant's and the key's."""

from quorum_mcp.access.principal import KeyRule
from quorum_mcp.calls.limits.learned import Learned
from quorum_mcp.calls.limits.limit import Limit
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
        limits = self._targets.get(target.name)
        if limits is None:
            if len(self._targets) >= MOST:
                self._targets.clear()  # names are callers' own: they could be without end
            kind, provider = target.provider.kind, target.provider.name
            limits = self._targets[target.name] = self._of_target(provider, target.model, kind == "remote")
        if key is None and not self._settings.server.tenant_limits:
            return limits
        return limits + self.of_caller(tenant, key)

    def of_caller(self, tenant: str, key: KeyRule | None) -> tuple[Limit, ...]:
        """The limits of a key, and of its tenant."""
        limits = self._callers.get((tenant, key))
        if limits is None:
            if len(self._callers) >= MOST:
                self._callers.clear()
            limits = self._callers[tenant, key] = tuple(self._make_caller(tenant, key))
        return limits

    def of_provider(self, provider: str) -> tuple[Limit, ...]:
        """The limits towards a provider, as calls of the model meet them that its bare name stands for."""
        found = self._registry.providers.get(provider)
        model = self._registry.default(provider) or ""
        limits = self._of_target(provider, model, found is not None and found.kind == "remote")
        own = [limit for limit in limits if limit.name == f"provider:{provider}"]
        return (*own, *self._learned.of_provider(provider))

    def forget(self, target: str) -> None:
        """Something was learned of `provider/model`."""
        self._targets.pop(target, None)

    def _of_target(self, provider: str, model: str, remote: bool) -> tuple[Limit, ...]:
        settings, name = self._settings, f"{provider}/{model}"
        entry = settings.providers.get(provider)
        learned = self._learned.of(name)
        requests = entry.limits.requests_per_minute if entry else None
        tokens = entry.limits.tokens_per_minute if entry else None
        price = self._registry.price(provider, model)
        if remote and (price is None or price.input or price.output):
            if requests is None and not (learned and learned.requests):
                requests = settings.default_requests_per_minute
            if tokens is None and not (learned and learned.tokens):
                tokens = settings.default_tokens_per_minute
        limits = (
            [] if requests is None and tokens is None else [Limit(f"provider:{provider}", requests, tokens)]
        )
        if entry and (own := entry.model_limits.get(model)):
            limits.append(Limit(f"model:{name}", own.requests_per_minute, own.tokens_per_minute))
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
