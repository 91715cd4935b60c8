"""Which models may answer a call: the one that was asked for, then its fallback chain."""

from contextlib import suppress

from quorum_mcp.calls.balance import Balance
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.deadline import in_time
from quorum_mcp.calls.record import State
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import DeadlineExceeded, ModelNotFound, ProviderModelMissing
from quorum_mcp.providers.registry import Registry, Target


class Candidates:
    """Resolves names of models, within the call's time: providers may have to be asked for their lists."""

    def __init__(self, settings: Settings, registry: Registry, balance: Balance) -> None:
        self._settings = settings
        self._registry = registry
        self._balance = balance

    async def of(self, call: Call, state: State) -> list[Target]:
        """The models that may answer, in the order in which they are asked; at least one.

        Raises:
            ModelNotFound: the model that was asked for is not known.
            Forbidden: the caller's key may not call it. Fallbacks that it may not call are left out.
            DeadlineExceeded: the providers did not list their models in time.
        """
        first = state.first = await self._find(call, call.model, call.vendor)
        targets = [first]
        for name in self._fallbacks(first) if call.fallback else ():
            try:
                targets.append(await self._find(call, name))
            except ModelNotFound as error:
                state.trace.add(f"fallback {name} is left out: {error}")
        if call.key is not None:
            call.key.require(first.name)
            targets = [target for target in targets if call.key.allows(target.name)]
        targets = [place for target in targets for place in self._balance.spread(target)]
        state.trace.add("candidates: " + ", ".join(target.label for target in targets))
        return targets

    async def _find(self, call: Call, name: str, vendor: str | None = None) -> Target:
        try:
            return self._registry.resolve(name, vendor=vendor)  # mostly it is known, and no time is needed
        except ModelNotFound:
            return await in_time(call, self._registry.find(name, vendor=vendor), "its model was found")

    async def explain(self, call: Call, target: Target, error: ProviderModelMissing) -> None:
        """Add the name that was meant to the error, where the provider's list has one and there is time."""
        with suppress(DeadlineExceeded):
            error.hint = await in_time(call, self._registry.nearest(target), "a name was found") or error.hint

    def _fallbacks(self, first: Target) -> tuple[str, ...]:
        """The chain of a model, under whatever name the settings call it."""
        for name, chain in self._settings.fallbacks.items():
            with suppress(ModelNotFound):
                if name == first.name or self._registry.resolve(name).name == first.name:
                    return chain
        return ()
