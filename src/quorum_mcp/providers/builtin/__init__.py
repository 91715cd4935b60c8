"""Solvers that need no model and no network: they compute or quote, and abstain with a reason otherwise."""

from quorum_mcp.providers.builtin.abstain import is_abstention as is_abstention
