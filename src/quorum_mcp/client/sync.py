"""`SyncQuorum`, the client for programs without asyncio: the same methods, on an event loop of its own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, Unpack

from quorum_mcp.client.asking import Asking
from quorum_mcp.client.quorum import Progress, Quorum
from quorum_mcp.events import Event

if TYPE_CHECKING:
    from pydantic import BaseModel

    from quorum_mcp.calls.ops.models import Models
    from quorum_mcp.calls.ops.providers import Providers
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.consensus.ops.ask import Agreement, Estimate
    from quorum_mcp.consensus.query import QueryAnswer
    from quorum_mcp.consensus.session import SessionView
    from quorum_mcp.runs.ops import SessionPage, SessionState

T = TypeVar("T")


class SyncQuorum:
    """As `Quorum`, in blocking calls; any thread may make them.

    ```python
    with SyncQuorum() as q:
        print(q.ask("What is 17% of 2,340?").consensus)
    ```
    """

    quorum_class: ClassVar[type[Quorum]] = Quorum
    """Whose methods these are."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        config: str | Path | None = None,
        settings: "Settings | None" = None,
        surface: str = "sdk",
    ) -> None:
        self._quorum = self.quorum_class(url, api_key, config=config, settings=settings, surface=surface)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="quorum", daemon=True)
        self._thread.start()
        try:
            self._wait(self._quorum.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._wait(self._quorum.__aexit__(kind, error, trace))
        finally:
            self._stop()

    def ask(
        self, question: str, *, progress: Progress | None = None, **asking: Unpack[Asking]
    ) -> "QueryAnswer":
        """As `Quorum.ask`; `progress` is called in the client's own thread. An interrupt cancels the run."""
        return self._wait(self._quorum.ask(question, progress=progress, **asking))

    def start(self, question: str, **asking: Unpack[Asking]) -> "QueryAnswer":
        """As `Quorum.start`."""
        return self._wait(self._quorum.start(question, **asking))

    def stream(self, question: str, **asking: Unpack[Asking]) -> Iterator[Event]:
        """As `Quorum.stream`."""
        return self._each(self._quorum.stream(question, **asking))

    def follow(self, session_id: str, after: int = 0) -> Iterator[Event]:
        """As `Quorum.follow`."""
        return self._each(self._quorum.follow(session_id, after))

    def cancel(self, session_id: str) -> "SessionState":
        """As `Quorum.cancel`."""
        return self._wait(self._quorum.cancel(session_id))

    def session(self, session_id: str) -> "SessionView":
        """As `Quorum.session`."""
        return self._wait(self._quorum.session(session_id))

    def sessions(self, **filters: Any) -> "SessionPage":
        """As `Quorum.sessions`."""
        return self._wait(self._quorum.sessions(**filters))

    def export(self, session_id: str, form: Literal["json", "md", "html"] = "md") -> str:
        """As `Quorum.export`."""
        return self._wait(self._quorum.export(session_id, form))

    def providers(self) -> "Providers":
        """As `Quorum.providers`."""
        return self._wait(self._quorum.providers())

    def models(self, provider: str | None = None, *, refresh: bool = False) -> "Models":
        """As `Quorum.models`."""
        return self._wait(self._quorum.models(provider, refresh=refresh))

    def estimate(self, question: str, **asking: Unpack[Asking]) -> "Estimate":
        """As `Quorum.estimate`."""
        return self._wait(self._quorum.estimate(question, **asking))

    def agreement(self, a: str, b: str, **given: str) -> "Agreement":
        """As `Quorum.agreement`."""
        return self._wait(self._quorum.agreement(a, b, **given))

    def invoke(self, operation: str, /, **given: Any) -> "BaseModel":
        """As `Quorum.invoke`."""
        return self._wait(self._quorum.invoke(operation, **given))

    def _each(self, events: AsyncGenerator[Event, None]) -> Iterator[Event]:
        async def following() -> Event | None:
            return await anext(events, None)

        try:
            while (event := self._wait(following())) is not None:
                yield event
        finally:
            self._wait(events.aclose())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        loop = self._loop
        if loop is None:
            work.close()
            raise RuntimeError("the client is not open: use `with SyncQuorum() as q`")
        task = asyncio.run_coroutine_threadsafe(_begun(work), loop).result()
        try:
            asyncio.run_coroutine_threadsafe(_ended(task), loop).result()
        except BaseException:
            # An interrupt of this thread: the work is given up, with what it does to clean up.
            loop.call_soon_threadsafe(task.cancel)
            asyncio.run_coroutine_threadsafe(_ended(task), loop).result()
            raise
        return task.result()

    def _stop(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(loop.shutdown_asyncgens(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return asyncio.create_task(work)


async def _ended(task: asyncio.Task[Any]) -> None:
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # an error that nobody reads would be reported as lost
