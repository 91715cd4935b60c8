"""MCP over standard input and output, for hosts that start it: `python -m quorum_mcp.server`."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from quorum_mcp.api.mcp.stdio import run

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.operations.context import Services


def services(settings: "Settings") -> "AbstractAsyncContextManager[Services]":
    """This process's own services; what others left unfinished is not taken over unasked."""
    from quorum_mcp.app import running

    return running(settings, take_over=False)


def main() -> None:
    """Serve until the host closes standard input."""
    asyncio.run(run(services))


if __name__ == "__main__":
    main()
