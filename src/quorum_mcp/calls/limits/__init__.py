"""Rates: how many requests and tokens a minute may go to a provider or model, or come from a tenant or key."""

from quorum_mcp.calls.limits.limit import Limit
from quorum_mcp.calls.limits.limits import Limits

__all__ = ("Limit", "Limits")
