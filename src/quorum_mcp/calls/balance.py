"""Which of a provider's deployments are asked, and in what order: by their health, their load and their weight.

Those that work come first: not those whose breaker is open or whose limit is used up, nor one that failed just now.
Among equals the one with the fewest calls under way for its weight is next, then the one whose turn it is: each call
moves an endpoint's turn on by 1/weight, so that calls one after another are spread by weight too. An endpoint that
was away does not get all that it missed.
"""

from quorum_mcp.calls.breaker import Breaker, CircuitState
from quorum_mcp.calls.limits import Limits
from quorum_mcp.calls.queue import Queues
from quorum_mcp.errors import ModelNotFound
from quorum_mcp.providers.deployments import Deployment
from quorum_mcp.providers.registry import Registry, Target


class Balance:
    """The turns of all deployments of a process."""

    def __init__(self, registry: Registry, breaker: Breaker, limits: Limits, queues: Queues) -> None:
        self._registry = registry
        self._breaker = breaker
        self._limits = limits
        self._queues = queues
        self._turns: dict[str, float] = {}
        self._now = 0.0

    def spread(self, target: Target) -> list[Target]:
        """The endpoints of a target in the order in which they are to be asked: itself, where there is one only.

        Raises:
            ModelNotFound: none of the provider's deployments serves the model.
        """
        several = self._registry.deployments.get(target.provider.name)
        if not several:
            return [target]
        found = [(one, _at(target, one)) for one in several if one.endpoint.address.serves(target.model)]
        if not found:
            raise ModelNotFound(
                f"no deployment of {target.provider.name} serves {target.model!r}",
                hint=f"name it in providers.{target.provider.name}.deployments",
                provider=target.provider.name,
                model=target.model,
            )
        found.sort(key=lambda each: self._rank(*each))
        self._take(*found[0])
        return [place for _, place in found]

    def state(self, provider: str) -> CircuitState:
        """The worst state of a provider's circuits; of several endpoints, that of the best one."""
        states = {self._breaker.state(endpoint) for endpoint in self._registry.endpoints(provider)}
        return "closed" if "closed" in states else "half-open" if "half-open" in states else "open"

    def _rank(self, one: Deployment, place: Target) -> tuple[bool, bool, bool, float, float]:
        queue = self._queues.of(place.endpoint).state()
        return (
            self._breaker.refuses(place.label),
            not self._limits.ready(place),
            self._breaker.troubled(place.label),
            (queue.taken + queue.waiting) / one.weight,
            self._turns.get(place.endpoint, 0.0),
        )

    def _take(self, one: Deployment, place: Target) -> None:
        """Move an endpoint's turn on; one that was not asked for long begins where the others are."""
        turn = max(self._turns.get(place.endpoint, 0.0), self._now - 1 / one.weight)
        self._now = max(self._now, turn)
        self._turns[place.endpoint] = turn + 1 / one.weight


def _at(target: Target, one: Deployment) -> Target:
    return Target(one.endpoint, target.model, target.max_tokens, target.temperature, one.name)
