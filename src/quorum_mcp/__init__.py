"""Quorum: one answer you can trust out of many AI models, at a cost you control.

`Quorum` and `SyncQuorum` (the SDK) are imported on first use, so that importing the package stays cheap.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quorum_mcp.app import Quorum, SyncQuorum

__all__ = ["Quorum", "SyncQuorum", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the SDK's classes when they are first asked for."""
    if name in ("Quorum", "SyncQuorum"):
        from quorum_mcp import app

        return getattr(app, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
