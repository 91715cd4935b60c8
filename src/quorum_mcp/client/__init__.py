"""The SDK: `Quorum` and `SyncQuorum`, one interface for a server and for running embedded.

`from quorum_mcp import Quorum` is the class to use; the one here cannot run embedded, because it knows no wiring.
"""
