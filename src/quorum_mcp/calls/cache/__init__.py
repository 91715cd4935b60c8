"""Answers that need not be asked for again: exact repeats of one tenant's requests."""

from quorum_mcp.calls.cache.cache import Cache, Lookup, replay

__all__ = ["Cache", "Lookup", "replay"]
