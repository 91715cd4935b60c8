"""Cheap questions to providers that nobody asks anything: the list of their models, which costs nothing."""

import time

import structlog

from quorum_mcp.calls.breaker import Breaker
from quorum_mcp.calls.health.vitals import Check, Vitals
from quorum_mcp.errors import (
    BadProviderAnswer,
    ProviderAuth,
    ProviderTimeout,
    ProviderUnavailable,
    QuorumError,
)
from quorum_mcp.observe.repeating import Repeating
from quorum_mcp.providers.registry import Registry

PROBED = ("remote", "local")
TELLING = (ProviderUnavailable, ProviderTimeout, ProviderAuth, BadProviderAnswer)
"""Failures that say something; an endpoint that lists no models, or limits us, is there all the same."""

log = structlog.get_logger()


class Prober:
    """Probes providers that have been idle.

    Args:
        seconds: how long a provider is left alone after its last call or probe; 0 probes nobody.
    """

    def __init__(self, registry: Registry, vitals: Vitals, breaker: Breaker, *, seconds: float) -> None:
        self._registry = registry
        self._vitals = vitals
        self._breaker = breaker
        self._seconds = seconds
        self._began = vitals.now()
        self._work = Repeating("health: prober", self._probe, seconds / 4)

    def start(self) -> None:
        """Begin, where there is anything to do."""
        if self._seconds:
            self._work.start()

    async def stop(self) -> None:
        """End."""
        await self._work.stop()

    async def check(self, provider: str) -> tuple[Check, QuorumError | None]:
        """Ask a provider for its models now; what was found, and the error that the caller may see."""
        began, error = time.monotonic(), None
        try:
            await self._registry.list_models(provider)
        except QuorumError as failed:
            error = failed
        bad = error if isinstance(error, TELLING) else None
        self._vitals.checked(provider, time.monotonic() - began, bad)
        if error is None:
            self._breaker.close(provider)
        check = self._vitals.of(provider).check
        assert check is not None
        return check, error

    async def _probe(self) -> None:
        known = self._registry.providers.items()
        for provider in [name for name, one in known if one.kind in PROBED and self._idle(name)]:
            check, _ = await self.check(provider)
            if check.error is not None:
                log.info("health.probe", provider=provider, error=check.error)

    def _idle(self, provider: str) -> bool:
        vital = self._vitals.of(provider)
        last = max(
            vital.seen[-1].at if vital.seen else self._began,
            vital.check.at if vital.check else self._began,
        )
        return self._vitals.now() - last >= self._seconds
