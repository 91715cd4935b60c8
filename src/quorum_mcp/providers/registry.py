"""The providers of a process: made from the settings, found on this machine, or registered."""

from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from fnmatch import fnmatch

from msgspec import structs

from quorum_mcp.answers import ModelInfo
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ModelNotFound, QuorumError
from quorum_mcp.providers.address import Address
from quorum_mcp.providers.base import Provider, Timeouts
from quorum_mcp.providers.catalog import Catalog, LocalServer, catalog
from quorum_mcp.providers.deployments import Deployment, DeploymentSetup
from quorum_mcp.providers.detect import Found, detect
from quorum_mcp.providers.directory import Description, Directory, Target
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.prices import FREE, Price, from_settings, from_table
from quorum_mcp.providers.setup import Setup, is_loopback, setups
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

LISTING = Timeouts(connect=3.0, first_byte=10.0, idle=10.0, total=15.0)
"""Time limits for asking a provider for its list of models."""


ABSENT = "no such server answers on this machine"
"""What a server of the catalogue lacks that was looked for and not found."""

__all__ = ["ABSENT", "LISTING", "Description", "Registry", "Target"]


class Registry(Directory):
    """Every provider that this process can call.

    Args:
        settings: the entries of quorum.yaml, and the environment that keys are looked up in.
        vendors: the catalogue, unless it is the one that comes with Quorum.
        transport: the pool of connections to use; the registry closes it.
    """

    def __init__(
        self, settings: Settings, *, vendors: Catalog | None = None, transport: Transport | None = None
    ) -> None:
        super().__init__(settings)
        self.transport = transport or Transport()
        self._catalog = vendors or catalog()
        self._set_prices = {
            name: from_settings(entry.price) for name, entry in settings.providers.items() if entry.price
        }
        self._setups = {setup.name: setup for setup in setups(settings, self._catalog)}
        self._keyless = {name: setup for name, setup in self._setups.items() if not setup.keys}
        self.supplied: dict[str, str] = {}
        """Keys in use that are neither in the environment nor in quorum.yaml, by provider."""
        for setup in self._setups.values():
            if setup.missing is None:
                self._open(setup)

    def register(self, provider: Provider, *, model: str | None = None, models: tuple[str, ...] = ()) -> None:
        """Add a provider that is no endpoint of the settings, or replace one.

        Args:
            provider: what to add, under its own name.
            model: what its bare name stands for.
            models: the models it is known to have.
        """
        self.version += 1
        self.providers[provider.name] = provider
        self._setups.pop(provider.name, None)
        self.deployments.pop(provider.name, None)
        self._own[provider.name] = Description(
            provider.name,
            provider.name,
            provider.kind,
            configured=True,
            missing=None,
            model=model or (models[0] if models else None),
            models=models,
        )

    def supply(self, keys: Mapping[str, str]) -> None:
        """Use these keys, by provider, where the settings have none; those used before that are not among them go."""
        self.version += 1
        wanted = {name: key for name, key in keys.items() if name in self._keyless and name in self._setups}
        for name in wanted.keys() | self.supplied.keys():
            key, bare = wanted.get(name), self._keyless[name]
            if key == self.supplied.get(name) or name not in self._setups:
                continue
            lacks = self._setups[name].missing
            if bare.wants_key:
                lacks = None if key else bare.missing
            found = structs.replace(self._setups[name], keys=(key,) if key else (), missing=lacks)
            self._setups[name] = found
            if found.missing is None:
                self._open(found)
            else:
                self.providers.pop(name, None)
                self.deployments.pop(name, None)
        self.supplied = wanted

    async def detect(self) -> tuple[Found, ...]:
        """Look for model servers on this machine: add those that run, set aside those that do not.

        A server that the settings name stays as it is, whether it runs or not.
        """
        wanted: dict[str, LocalServer] = {}
        for name, server in self._catalog.servers.items():
            setup = self._setups.get(name)
            if setup is not None and (setup.missing not in (None, ABSENT) or not is_loopback(setup.base_url)):
                continue
            url = server.base_url if setup is None else setup.base_url
            wanted[name] = structs.replace(server, base_url=url)
        found = await detect(self.transport, wanted)
        self.version += 1
        running = {entry.name: entry for entry in found}
        for name in wanted:
            if name in running:
                self._adopt(running[name])
            elif name not in self.settings.providers and name in self._setups:
                self.providers.pop(name, None)
                self._setups[name] = structs.replace(self._setups[name], missing=ABSENT)
        return found

    def describe(self) -> list[Description]:
        """All providers, those that cannot be used with the reason."""
        return [
            *self._own.values(),
            *(_description(setup, self.known(name)) for name, setup in self._setups.items()),
        ]

    async def find(self, name: str, *, vendor: str | None = None) -> Target:
        """As `resolve`, asking the providers for their lists where the known names are not enough."""
        try:
            return self.resolve(name, vendor=vendor)
        except ModelNotFound:
            head = name.partition("/")[0]
            exact = self.provider_name(head)
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
        """Ask a provider for its models, and remember their names. Raises `ModelNotFound` for an unknown one."""
        name = self.provider_name(provider)
        if name not in self.providers:
            self.resolve(f"{provider}/any")  # raises, with the reason and the nearest name
        models = await self._ask_for_models(name, timeouts)
        self._listed[provider] = tuple(model.id for model in models)
        self.version += 1
        return models

    async def nearest(self, target: Target) -> str | None:
        """The name that was meant, as a hint, where a provider says that it has no such model."""
        name = target.provider.name
        if not self.known(name):
            with suppress(QuorumError):
                await self.list_models(name)
        near = get_close_matches(target.model, self.known(name), 1, 0.5)
        return f"did you mean {name}/{near[0]}?" if near else None

    def price(self, provider: str, model: str, input_tokens: int = 0) -> Price | None:
        """What a model costs; None where nobody knows.

        Args:
            provider: the provider's name.
            model: the provider's name of the model.
            input_tokens: the length of the prompt, for prices that depend on it.
        """
        if (price := self._set_prices.get(provider)) is not None:
            return price
        setup = self._setups.get(provider)
        if setup is None:
            known = self.providers.get(provider)
            return FREE if known is not None and known.kind != "remote" else None
        if setup.kind == "local":
            return FREE
        found = from_table(setup.prices, setup.base_url, model, input_tokens)
        if found is None and any(fnmatch(model, pattern) for pattern in setup.free):
            return FREE
        return found

    async def close(self) -> None:
        """Close every provider and the connections."""
        for provider in self.providers.values():
            await provider.close()
        await self.transport.close()

    def _adopt(self, found: Found) -> None:
        setup = self._setups.get(found.name)
        if setup is None:
            if found.server.base_url in {other.base_url for other in self._setups.values()}:
                return  # the user named it already
            setup = Setup(
                found.name, found.server.wire, found.server.base_url, "local", title=found.server.title
            )
        setup = self._setups[found.name] = structs.replace(setup, missing=None)
        self._listed[found.name] = found.models
        if found.name not in self.providers:
            self._open(setup)

    async def _ask_for_models(self, provider: str, timeouts: Timeouts) -> tuple[ModelInfo, ...]:
        """The list of the provider, or of its first deployment that has one."""
        endpoints = [one.endpoint for one in self.deployments.get(provider, ())]
        failed: QuorumError | None = None
        for endpoint in endpoints or [self.providers[provider]]:
            try:
                return await endpoint.models(timeouts)
            except QuorumError as error:
                failed = failed or error
        assert failed is not None
        raise failed

    def _open(self, setup: Setup) -> None:
        """The provider can be called, at one endpoint or at several."""
        several = tuple(
            Deployment(one.name, one.weight, self._deployed(setup, one)) for one in setup.deployments
        )
        if several:
            self.deployments[setup.name] = several
        self.providers[setup.name] = several[0].endpoint if several else self._endpoint(setup)

    def _endpoint(
        self, setup: Setup, deployment: str | None = None, address: Address | None = None
    ) -> Endpoint:
        wire = load_wire(setup.wire, setup.dialect)
        auth = Auth(setup.auth or wire.auth, setup.keys)
        address = address or Address(setup.base_url, setup.headers)
        return Endpoint(setup.name, wire, address, auth, self.transport, setup.kind, deployment)

    def _deployed(self, setup: Setup, one: DeploymentSetup) -> Endpoint:
        own = structs.replace(setup, auth=one.auth or setup.auth, keys=one.keys or setup.keys)
        address = Address(one.base_url, setup.headers | one.headers, one.models, one.model)
        endpoint = self._endpoint(own, one.name, address)
        endpoint.base_url = Address(setup.base_url).base  # the answers of all of them are the provider's
        return endpoint


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
