"""Rates: how many requests and tokens a minute may go to a provider or model, or come from a tenant or key."""

from quorum_mcp.calls.limits.limit import Level, Limit
from quorum_mcp.calls.limits.limits import Limits, Turn

__all__ = ("Level", "Limit", "Limits", "Turn")
