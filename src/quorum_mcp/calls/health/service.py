"""The health of all providers, as one process knows it."""

from quorum_mcp.calls.balance import Balance
from quorum_mcp.calls.breaker import Breaker
from quorum_mcp.calls.health.monitor import Look, Monitor
from quorum_mcp.calls.health.prober import Prober
from quorum_mcp.calls.health.verdict import Verdict, judge
from quorum_mcp.calls.health.vitals import Vitals
from quorum_mcp.calls.limits import Limits
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.alerts import Outbox
from quorum_mcp.store.call_stats import ProviderStats
from quorum_mcp.store.database import Database


class Health:
    """Watches, probes, judges, and raises alerts.

    Args:
        vitals: what was seen of the calls.
        seconds: how long a provider is idle before it is probed; 0: it is not.
    """

    def __init__(
        self,
        registry: Registry,
        vitals: Vitals,
        breaker: Breaker,
        balance: Balance,
        limits: Limits,
        outbox: Outbox,
        database: Database,
        *,
        seconds: float,
    ) -> None:
        self.vitals = vitals
        self._registry = registry
        self._breaker = breaker
        self._balance = balance
        self._limits = limits
        self.prober = Prober(registry, vitals, breaker, seconds=seconds)
        self.monitor = Monitor(self.look, outbox, database, vitals.now)

    def start(self, *, probe: bool) -> None:
        """Begin to look for alerts; `probe`: and to ask providers that are idle."""
        self.monitor.work.start()
        if probe:
            self.prober.start()

    async def stop(self) -> None:
        """End."""
        await self.prober.stop()
        await self.monitor.work.stop()

    def verdict(
        self, provider: str, *, missing: str | None = None, stored: ProviderStats | None = None
    ) -> Verdict:
        """How a provider does; `missing` and `stored` as `judge` has them."""
        vitals, circuits = self.vitals, self._breaker.views(provider)
        spare = provider in self._registry.deployments and self._balance.state(provider) != "open"
        return judge(missing, circuits, vitals.of(provider), vitals.now(), stored, spare=spare)

    async def look(self) -> list[Look]:
        """Every provider that is no simulation."""
        names = [name for name, one in self._registry.providers.items() if one.kind not in ("sim", "builtin")]
        return [Look(name, self.verdict(name), await self._left(name)) for name in names]

    async def _left(self, provider: str) -> float | None:
        """The smallest share that is left of the limits of a provider that is asked at all."""
        if not self.vitals.of(provider).seen:
            return None
        limit, left = await self._limits.look(provider)
        pairs = zip((limit.requests, limit.tokens), left, strict=True)
        return min((some / most for most, some in pairs if most and some is not None), default=None)
