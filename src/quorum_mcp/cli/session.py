"""What every command shares: the wiring, the options before the command's name, and how work is run."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from quorum_mcp.client.quorum import Quorum
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.operations.context import Services

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Wiring(Protocol):
    """The application's parts, which the command line may use and not import."""

    def quorum(self, url: str | None, settings: "Settings") -> "Quorum":
        """A client; without a URL, here or in the settings, an embedded one."""
        ...

    def running(
        self, settings: "Settings", *, take_over: bool = True
    ) -> "AbstractAsyncContextManager[Services]":
        """The services, for as long as the context is open."""
        ...

    def asgi(self, settings: "Settings", *, loopback_bind: bool, services: "Services") -> "ASGIApp":
        """The application that listens."""
        ...


class Session:
    """One run of the command. `as_json` is whether standard output is JSON."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.url: str | None = None
        self.config: Path | None = None
        self.as_json = False

    def settings(self, **overrides: Any) -> "Settings":
        """The user's settings; nothing is read from the working directory."""
        from quorum_mcp.config.load import load

        return load(config=self.config, overrides=overrides)

    @asynccontextmanager
    async def client(self) -> AsyncGenerator["Quorum", None]:
        """A client for the server that is named, else embedded."""
        from quorum_mcp.observe.logs import to_stderr

        settings = self.settings()
        to_stderr(settings, server=False)
        async with self.wiring.quorum(self.url, settings) as quorum:
            yield quorum


def work(body: Coroutine[Any, Any, T]) -> T:
    """Run to the end; an interrupt or a request to terminate cancels the work, which may clean up."""

    async def cancellable() -> T:
        task = asyncio.current_task()
        assert task is not None
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await body

    running = cancellable()
    try:
        return asyncio.run(running)
    finally:
        # An interrupt may come before either has begun, which would be reported as a coroutine never awaited.
        running.close()
        body.close()


def asynchronous(function: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A command written as a coroutine function."""
    from functools import wraps

    @wraps(function)
    def command(*arguments: Any, **options: Any) -> None:
        work(function(*arguments, **options))

    return command


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_object(Session).as_json = True  # pyright: ignore[reportOptionalMemberAccess] - always set


def json_option(function: F) -> F:
    """`--json`: standard output is one JSON value, an error too."""
    return click.option("--json", is_flag=True, expose_value=False, callback=_set_json, help="Print JSON.")(
        function
    )


def example(*lines: str) -> str:
    """The end of a command's help: what to type."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
