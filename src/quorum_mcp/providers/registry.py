"""The providers of a process, by name, and what a written model name means."""

from difflib import get_close_matches

from msgspec import Struct

from quorum_mcp.answers import ModelInfo
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ModelNotFound, QuorumError
from quorum_mcp.providers.base import Kind, Provider, Timeouts
from quorum_mcp.providers.catalog import Catalog, catalog
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.prices import FREE, Price, from_settings, from_table
from quorum_mcp.providers.setup import Setup, setups
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

LISTING = Timeouts(connect=3.0, first_byte=10.0, idle=10.0, total=15.0)
"""Time limits for asking a provider for its list of models."""


class Target(Struct, frozen=True):
    """What a model name stands for: a provider, its own name of the model, and an alias's defaults."""

    provider: Provider
    model: str
    max_tokens: int | None = None
    temperature: float | None = None

    @property
    def name(self) -> str:
        """As it is written: `provider/model`."""
        return f"{self.provider.name}/{self.model}"


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


class Registry:
    """Every provider that this process can call.

    Args:
        settings: the entries of quorum.yaml, and the environment that keys are looked up in.
        vendors: the catalogue, unless it is the one that comes with Quorum.
        transport: the pool of connections to use; the registry closes it.
    """

    def __init__(
        self, settings: Settings, *, vendors: Catalog | None = None, transport: Transport | None = None
    ) -> None:
        self.settings = settings
        self.transport = transport or Transport()
        self.providers: dict[str, Provider] = {}
        self._setups = {setup.name: setup for setup in setups(settings, vendors or catalog())}
        self._listed: dict[str, tuple[str, ...]] = {}
        self._own: dict[str, Description] = {}
        for setup in self._setups.values():
            if setup.missing is None:
                self.providers[setup.name] = self._endpoint(setup)

    def register(self, provider: Provider, *, model: str | None = None, models: tuple[str, ...] = ()) -> None:
        """Add a provider that is no endpoint of the settings, or replace one.

        Args:
            provider: what to add, under its own name.
            model: what its bare name stands for.
            models: the models it is known to have.
        """
        self.providers[provider.name] = provider
        self._setups.pop(provider.name, None)
        self._own[provider.name] = Description(
            provider.name,
            provider.name,
            provider.kind,
            configured=True,
            missing=None,
            model=model or (models[0] if models else None),
            models=models,
        )

    def describe(self) -> list[Description]:
        """All providers, those that cannot be used with the reason."""
        return [
            *self._own.values(),
            *(_description(setup, self.known(name)) for name, setup in self._setups.items()),
        ]

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

    async def find(self, name: str, *, vendor: str | None = None) -> Target:
        """As `resolve`, asking the providers for their lists where the known names are not enough."""
        try:
            return self.resolve(name, vendor=vendor)
        except ModelNotFound:
            head = name.partition("/")[0]
            exact = self._provider_name(head)
            wanted = (
                [exact] if exact in self.providers else [p for p in self.providers if p not in self._listed]
            )
            for provider in wanted:
                try:
                    await self.list_models(provider)
                except QuorumError:
                    continue  # a provider that is down lists nothing; the others may
            return self.resolve(name, vendor=vendor)

    async def list_models(self, provider: str, timeouts: Timeouts = LISTING) -> tuple[ModelInfo, ...]:
        """Ask a provider for its models, and remember their names."""
        models = await self.providers[self._provider_name(provider)].models(timeouts)
        self._listed[provider] = tuple(model.id for model in models)
        return models

    def price(self, provider: str, model: str, input_tokens: int = 0) -> Price | None:
        """What a model costs; None where nobody knows.

        Args:
            provider: the provider's name.
            model: the provider's name of the model.
            input_tokens: the length of the prompt, for prices that depend on it.
        """
        entry = self.settings.providers.get(provider)
        if entry is not None and entry.price is not None:
            return from_settings(entry.price)
        setup = self._setups.get(provider)
        if setup is None:
            known = self.providers.get(provider)
            return FREE if known is not None and known.kind != "remote" else None
        if setup.kind == "local":
            return FREE
        return from_table(setup.prices, setup.base_url, model, input_tokens)

    async def close(self) -> None:
        """Close every provider and the connections."""
        for provider in self.providers.values():
            await provider.close()
        await self.transport.close()

    def _endpoint(self, setup: Setup) -> Endpoint:
        wire = load_wire(setup.wire, setup.dialect)
        auth = Auth(setup.auth or wire.auth, setup.keys)
        return Endpoint(setup.name, wire, setup.base_url, auth, self.transport, setup.kind)

    def _provider_name(self, name: str) -> str:
        if name in self.providers or name in self._setups:
            return name
        return next((setup.name for setup in self._setups.values() if name in setup.aliases), name)

    def _exists(self, name: str) -> bool:
        return self._provider_name(name) in {*self.providers, *self._setups}

    def _in(self, provider: str, model: str | None, asked: str) -> Target:
        name = self._provider_name(provider)
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
        setup = self._setups.get(name)
        if setup is not None and setup.closed and model not in setup.models:
            near = get_close_matches(model, setup.models, 1, 0.4) or setup.models[:1]
            hint = f"did you mean {name}/{near[0]}?" if near else f"{name} lists no models"
            raise ModelNotFound(f"{name} has no model {model!r}", hint=hint, provider=name, model=model)
        return Target(self.providers[name], model)

    def _usable(self) -> str:
        return ", ".join(self.providers) or "none is configured"

    def _not_found(self, name: str, provider: str | None) -> ModelNotFound:
        names = {*self.settings.models, *self.providers}
        for owner in self.providers:
            names.update(f"{owner}/{model}" for model in self.known(owner))
            names.update(self.known(owner))
        near = get_close_matches(name, sorted(names), 3, 0.5)
        if not near and provider is not None:
            near = get_close_matches(provider, sorted(self.providers), 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"configured providers: {self._usable()}"
        return ModelNotFound(f"no model is called {name!r}", hint=hint, details={"candidates": near})


def _description(setup: Setup, models: tuple[str, ...]) -> Description:
    return Description(
        setup.name,
        setup.title or setup.name,
        setup.kind,
        configured=setup.missing is None,
        missing=setup.missing,
        model=setup.model,
        models=models,
        base_url=setup.base_url,
    )
