"""Budgets: what may be spent in a period, held exactly by any number of processes."""

from quorum_mcp.calls.budgets.service import Budgets

__all__ = ["Budgets"]
