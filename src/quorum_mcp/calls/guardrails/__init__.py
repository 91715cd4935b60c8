"""Guardrails: the operator's own HTTP hooks, asked before a request leaves and before its answer is passed on."""

from quorum_mcp.calls.guardrails.guardrails import Guardrails

__all__ = ("Guardrails",)
