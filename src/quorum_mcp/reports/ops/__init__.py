"""What callers can learn about many calls."""

from quorum_mcp.reports.ops.benchmarks import OPERATIONS as BENCHMARKS
from quorum_mcp.reports.ops.timeline import OPERATIONS as TIMELINE
from quorum_mcp.reports.ops.usage import OPERATIONS as USAGE

OPERATIONS = [*BENCHMARKS, *TIMELINE, *USAGE]
