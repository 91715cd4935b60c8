"""The wait for one of a provider's places."""

from quorum_mcp.calls.queue.queue import Queue, Queues, Slot

__all__ = ["Queue", "Queues", "Slot"]
