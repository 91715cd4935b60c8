"""What a written model name means, among the providers that there are."""

from difflib import get_close_matches
from functools import cached_property

from msgspec import Struct

from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ModelNotFound
from quorum_mcp.providers.base import Kind, Provider
from quorum_mcp.providers.deployments import Deployment
from quorum_mcp.providers.setup import Setup


class Target(Struct, frozen=True, dict=True):
    """What a model name stands for: a provider, its own name of the model, and an alias's defaults.

    Where the provider has several endpoints, `deployment` is the name of the one that is asked.
    """

    provider: Provider
    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    deployment: str | None = None

    @cached_property
    def name(self) -> str:
        """As it is written: `provider/model`."""
        return f"{self.provider.name}/{self.model}"

    @cached_property
    def endpoint(self) -> str:
        """Whose places, limits and breakers count: `provider`, or `provider@deployment`."""
        return endpoint_name(self.provider.name, self.deployment)

    @cached_property
    def label(self) -> str:
        """The model at that endpoint: `provider/model`, or `provider@deployment/model`."""
        return f"{self.endpoint}/{self.model}"


def endpoint_name(provider: str, deployment: str | None) -> str:
    """What an endpoint is called: no provider's name holds an @."""
    return provider if deployment is None else f"{provider}@{deployment}"


class Description(Struct, frozen=True):
    """One provider, for lists: `missing` says why it cannot be used."""

    name: str
    title: str
    kind: Kind
    configured: bool
    missing: str | None
    model: str | None
    models: tuple[str, ...]
    base_url: str | None = None


class Directory:
    """Providers by name: those that can be called, and those that lack something."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.providers: dict[str, Provider] = {}
        self.deployments: dict[str, tuple[Deployment, ...]] = {}
        """The endpoints of the providers that have several; `providers` holds the first of them."""
        self._setups: dict[str, Setup] = {}
        self._listed: dict[str, tuple[str, ...]] = {}
        self._own: dict[str, Description] = {}
        self.version = 0
        """Counts the changes after which a name may mean something else."""

    def known(self, provider: str) -> tuple[str, ...]:
        """The models that a provider is known to have, without asking it."""
        if provider in self._own:
            return self._own[provider].models
        setup = self._setups.get(provider)
        if setup is not None and setup.closed:
            return setup.models
        return self._listed.get(provider) or (setup.models if setup is not None else ())

    def default(self, provider: str) -> str | None:
        """The model that the provider's bare name stands for."""
        if provider in self._own:
            return self._own[provider].model
        setup = self._setups.get(provider)
        listed = self._listed.get(provider)
        return (setup.model if setup is not None else None) or (listed[0] if listed else None)

    def resolve(self, name: str, *, vendor: str | None = None) -> Target:
        """What a model name means.

        Args:
            name: `provider/model`, an alias, a provider's name, or a bare model name.
            vendor: the provider whose API the caller speaks, asked first for a bare name.

        Raises:
            ModelNotFound: nothing configured is called so; the hint names what is nearest.
        """
        if (alias := self.settings.models.get(name)) is not None:
            target = self._in(alias.provider, alias.model_id, name)
            return Target(target.provider, target.model, alias.max_tokens, alias.temperature)
        head, slash, rest = name.partition("/")
        if slash and rest and self._exists(head):
            return self._in(head, rest, name)
        if not slash and self._exists(name):
            return self._in(name, None, name)
        if vendor is not None and name in self.known(vendor):
            return self._in(vendor, name, name)
        owners = [provider for provider in self.providers if name in self.known(provider)]
        if len(owners) == 1:
            return self._in(owners[0], name, name)
        if owners:
            candidates = [f"{owner}/{name}" for owner in owners]
            raise ModelNotFound(
                f"{name!r} is listed by more than one provider",
                hint=f"write {' or '.join(candidates)}",
                details={"candidates": candidates},
            )
        raise self._not_found(name, head if slash else None)

    def endpoints(self, provider: str) -> tuple[str, ...]:
        """The names of a provider's endpoints: itself, or its deployments."""
        several = self.deployments.get(provider)
        return tuple(endpoint_name(provider, one.name) for one in several) if several else (provider,)

    def provider_name(self, name: str) -> str:
        """The provider that `name` is the name, or another name, of; `name` itself where there is none."""
        if name in self.providers or name in self._setups:
            return name
        return next((setup.name for setup in self._setups.values() if name in setup.aliases), name)

    def _exists(self, name: str) -> bool:
        known = self.provider_name(name)
        return known in self.providers or known in self._setups

    def _in(self, provider: str, model: str | None, asked: str) -> Target:
        name = self.provider_name(provider)
        if name not in self.providers:
            setup = self._setups.get(name)
            if setup is None:
                raise self._not_found(asked, provider)
            hint = f"{setup.missing}, or write another provider: {self._usable()}"
            raise ModelNotFound(f"{name} is not configured", hint=hint, provider=name)
        model = model or self.default(name)
        if model is None:
            raise ModelNotFound(
                f"{name} has no default model", hint=f"write {name}/MODEL, or set its `model`", provider=name
            )
        listed = self._closed(name)
        if listed is not None and model not in listed:
            near = get_close_matches(model, listed, 1, 0.4) or listed[:1]
            hint = f"did you mean {name}/{near[0]}?" if near else f"{name} lists no models"
            raise ModelNotFound(f"{name} has no model {model!r}", hint=hint, provider=name, model=model)
        return Target(self.providers[name], model)

    def _closed(self, provider: str) -> tuple[str, ...] | None:
        """All models that a provider has, None where it may have more than are known."""
        if provider in self._own:
            own = self._own[provider]
            return own.models if own.kind == "builtin" else None
        setup = self._setups.get(provider)
        return setup.models if setup is not None and setup.closed else None

    def _usable(self) -> str:
        return ", ".join(self.providers) or "none is configured"

    def _not_found(self, name: str, provider: str | None) -> ModelNotFound:
        names = {*self.settings.models, *self.providers}
        for owner in self.providers:
            names.update(f"{owner}/{model}" for model in self.known(owner))
            names.update(self.known(owner))
        vendors = {*self._setups, *(alias for setup in self._setups.values() for alias in setup.aliases)}
        near = get_close_matches(name, sorted(names), 3, 0.5) or get_close_matches(
            name, sorted(vendors), 3, 0.5
        )
        if not near and provider is not None:
            near = get_close_matches(provider, sorted({*self.providers, *self._setups}), 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"configured providers: {self._usable()}"
        return ModelNotFound(f"no model is called {name!r}", hint=hint, details={"candidates": near})
