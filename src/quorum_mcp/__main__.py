"""The `quorum` command, and `python -m quorum_mcp`."""

import sys
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from quorum_mcp.client.quorum import Quorum
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.operations.context import Services

INTERRUPTED = 130
"""The exit status after an interrupt."""


class Wiring:
    """The application's parts for the commands, imported when one of them is first needed."""

    def quorum(self, url: str | None, settings: "Settings") -> "Quorum":
        """A client with these settings; `url` goes before what they say."""
        from quorum_mcp.app import Quorum

        return Quorum(url, settings=settings, surface="cli")

    def running(
        self, settings: "Settings", *, take_over: bool = True
    ) -> "AbstractAsyncContextManager[Services]":
        """The services, for as long as the context is open."""
        from quorum_mcp.app import running

        return running(settings, take_over=take_over)

    def asgi(self, settings: "Settings", *, loopback_bind: bool, services: "Services") -> "ASGIApp":
        """The application that listens, over services that run already."""
        from quorum_mcp.app import asgi

        return asgi(settings, loopback_bind=loopback_bind, services=services)


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    try:
        from quorum_mcp.cli.main import run

        run(Wiring())
    except KeyboardInterrupt:
        # While the command line is still being imported, or again while it ends: there is nothing to say.
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
