"""What runs add to the metrics, and how many are open."""

import time
from collections.abc import Iterable
from typing import Any

from quorum_mcp.observe.metrics import UNCLASSIFIED, Metrics, Reading
from quorum_mcp.runs.context import RunContext
from quorum_mcp.runs.service import Runs
from quorum_mcp.store.run_rows import FinalStatus


class RunMetrics:
    """Counts the turns that end in this process, by their mode; also a source of the metrics."""

    def __init__(self, metrics: Metrics, runs: Runs) -> None:
        self._metrics = metrics
        self._runs = runs
        runs.on_end = self.ended

    def ended(self, run: RunContext, status: FinalStatus) -> None:
        """Count one turn."""
        plan: dict[str, Any] = run.input.get("plan") or {}
        mode = str(plan.get("mode", "run"))
        self._metrics.requests.add((mode, UNCLASSIFIED))
        self._metrics.request_seconds.observe((mode,), time.monotonic() - run.began)
        self._metrics.turns.add((status,))

    async def __call__(self) -> Iterable[Reading]:
        """The runs that are carried out now."""
        return [("quorum_runs_open", (), len(self._runs.running))]
