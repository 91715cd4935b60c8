"""Quorum: one answer you can trust out of many AI models, at a cost you control.

`Quorum` (the SDK) is imported on first use, so that importing the package stays cheap.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quorum_mcp.client import Quorum

__all__ = ["Quorum", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the SDK's class when it is first asked for."""
    if name == "Quorum":
        from quorum_mcp.client import Quorum

        return Quorum
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
