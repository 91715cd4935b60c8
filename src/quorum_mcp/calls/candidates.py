"""Which models may answer a call: the one that was asked for, then its fallback chain."""

from collections.abc import Sequence
from contextlib import suppress

from quorum_mcp.calls.balance import Balance
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.deadline import in_time
from quorum_mcp.calls.record import State
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import DeadlineExceeded, ModelNotFound, ProviderModelMissing
from quorum_mcp.providers.registry import Registry, Target

MOST_KNOWN = 4096
"""Names whose candidates are kept at hand; callers may make up any number of them."""


class Candidates:
    """Resolves names of models, within the call's time: providers may have to be asked for their lists."""

    def __init__(self, settings: Settings, registry: Registry, balance: Balance) -> None:
        self._settings = settings
        self._registry = registry
        self._balance = balance
        self._known: dict[tuple[str, str | None, bool], tuple[tuple[Target, ...], str]] = {}
        self._version = -1

    async def of(self, call: Call, state: State) -> Sequence[Target]:
        """The models that may answer, in the order in which they are asked; at least one.

        Raises:
            ModelNotFound: the model that was asked for is not known.
            Forbidden: the caller's key may not call it. Fallbacks that it may not call are left out.
            DeadlineExceeded: the providers did not list their models in time.
        """
        asked = (call.model, call.vendor, call.fallback)
        known = self._known.get(asked) if self._version == self._registry.version else None
        chosen, line = known or await self._choose(call, state, asked)
        state.first = chosen[0]
        targets = chosen
        if call.key is not None and call.key.models is not None:
            call.key.require(chosen[0].name)
            targets = tuple(target for target in chosen if call.key.allows(target.name))
        if self._registry.deployments:
            targets = tuple(place for target in targets for place in self._balance.spread(target))
        state.trace.add(line if targets is chosen else _line(targets))
        return targets

    async def _choose(
        self, call: Call, state: State, asked: tuple[str, str | None, bool]
    ) -> tuple[tuple[Target, ...], str]:
        first = state.first = await self._find(call, call.model, call.vendor)
        targets, whole = [first], True
        for name in self._fallbacks(first) if call.fallback else ():
            try:
                targets.append(await self._find(call, name))
            except ModelNotFound as error:
                whole = False
                state.trace.add(f"fallback {name} is left out: {error}")
        if self._version != self._registry.version or len(self._known) >= MOST_KNOWN:
            self._known.clear()
            self._version = self._registry.version
        found = tuple(targets), _line(targets)
        if whole:
            self._known[asked] = found
        return found

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


def _line(targets: Sequence[Target]) -> str:
    return "candidates: " + ", ".join(target.label for target in targets)
