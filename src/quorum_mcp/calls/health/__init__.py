"""How providers do: from the calls that are made anyway, and from cheap probes of those that are idle."""

from quorum_mcp.calls.health.verdict import Status, Verdict, judge
from quorum_mcp.calls.health.vitals import Vitals

__all__ = ["Status", "Verdict", "Vitals", "judge"]
