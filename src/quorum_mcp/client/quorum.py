"""`Quorum`, the client for asyncio programs."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, Unpack

from quorum_mcp.client.asking import Asking, query_of
from quorum_mcp.client.outcome import agreed, answer_in, unfinished
from quorum_mcp.errors import ConfigError, NotFound, QuorumError, ServerUnavailable
from quorum_mcp.events import ENDINGS, Event

if TYPE_CHECKING:
    from pydantic import BaseModel

    from quorum_mcp.calls.ops.models import Models
    from quorum_mcp.calls.ops.providers import Providers
    from quorum_mcp.client.backend import Backend
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.consensus.ops.ask import Agreement, Estimate
    from quorum_mcp.consensus.query import QueryAnswer
    from quorum_mcp.consensus.session import SessionView
    from quorum_mcp.operations.card import AnyOperation
    from quorum_mcp.operations.context import Services
    from quorum_mcp.runs.ops import SessionPage, SessionState

T = TypeVar("T")
START_PATIENCE = 2.0
"""Seconds that a cancelled caller waits for the id of the run that it has to cancel."""
Start = Callable[["Settings"], AbstractAsyncContextManager["Services"]]
Progress = Callable[[Event], None]


class Quorum:
    """Asks panels of models, on a server or embedded in this process.

    ```python
    async with Quorum() as q:
        answer = await q.ask("What is 17% of 2,340?", panel=["openai/gpt-6-luna", "builtin/arithmetic"])
        print(answer.consensus, answer.confidence)
    ```

    Args:
        url: a running server; absent: `QUORUM_URL`, else embedded on the same database as the command line.
        api_key: the key for that server; absent: `QUORUM_API_KEY`.
        config: the quorum.yaml to read; absent: the user's own. Nothing is read from the working directory.
        settings: settings to use instead of reading any.
        surface: how records name this client.

    Methods raise the errors of `quorum_mcp.errors`, embedded and remote alike.
    """

    start_services: ClassVar[Start | None] = None
    """Opens the services for running embedded; the class that `quorum_mcp` exports has one."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        config: str | Path | None = None,
        settings: "Settings | None" = None,
        surface: str = "sdk",
    ) -> None:
        self._url = url
        self._api_key = api_key
        self._config = None if config is None else Path(config)
        self._settings = settings
        self._surface = surface
        self._stack = AsyncExitStack()
        self._backend: Backend | None = None
        self._is_remote = False

    async def __aenter__(self) -> Self:
        from quorum_mcp.config.load import load

        settings = self._settings or load(config=self._config)
        url = self._url or settings.url
        if url:
            from quorum_mcp.client.remote import Remote

            remote = Remote(url, self._api_key or settings.api_key)
            self._backend = await self._stack.enter_async_context(remote)
            self._is_remote = True
        else:
            start = type(self).start_services
            if start is None:
                raise ConfigError(
                    "no server is named", hint="give url, set QUORUM_URL, or use quorum_mcp.Quorum"
                )
            from quorum_mcp.client.embedded import Embedded

            services = await self._stack.enter_async_context(start(settings))
            self._backend = Embedded(services, self._surface)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._backend = None
        await self._stack.aclose()

    async def ask(
        self, question: str, *, progress: Progress | None = None, **asking: Unpack[Asking]
    ) -> "QueryAnswer":
        """Ask a panel and wait for its answer; cancelling the wait cancels the run.

        Args:
            question: 1 to 50,000 characters.
            progress: called with every event of the run while it goes on.
            asking: see `Asking`.
        """
        query = query_of(question, asking)
        if progress is None and not self._is_remote:
            return await self._typed("query", query, _answer_type())
        # A server is asked for the events even where nobody wants them: they survive its being started again.
        answer: QueryAnswer | None = None
        async with aclosing(self.stream(question, **asking)) as events:
            async for event in events:
                if progress is not None:
                    progress(event)
                answer = answer_in(event)
        if answer is None:
            raise unfinished("the run")
        return agreed(answer) if query.require_consensus else answer

    async def start(self, question: str, **asking: Unpack[Asking]) -> "QueryAnswer":
        """Ask a panel and return its session at once; the run goes on, `follow` and `session` show it."""
        query = query_of(question, asking).model_copy(update={"wait": False})
        return await self._typed("query", query, _answer_type())

    async def stream(self, question: str, **asking: Unpack[Asking]) -> AsyncGenerator[Event, None]:
        """Ask a panel and yield what happens, up to the event that ends the run.

        Closing the generator before that cancels the run; `start` and `follow` leave it alone. So does a server
        that goes away: it is waited for some seconds, and goes on with the run when it is started again.
        """
        begun = await self._begun(asyncio.create_task(self.start(question, **asking)))
        ended = False
        try:
            async with aclosing(self.follow(begun.session_id)) as events:
                async for event in events:
                    if int(event.data.get("turn", begun.turn)) != begun.turn:
                        continue  # an earlier question of the session
                    ended = event.type in ENDINGS
                    yield event
                    if ended:
                        return
        except ServerUnavailable:
            ended = True  # the run goes on when the server does
            raise
        finally:
            if not ended and begun.status in ("queued", "running"):
                await asyncio.shield(self._abandon(begun.session_id))

    async def follow(self, session_id: str, after: int = 0) -> AsyncGenerator[Event, None]:
        """Yield a session's events numbered above `after`: stored ones first, then live until its turn ends."""
        async with aclosing(self._open().follow(session_id, after)) as events:
            async for event in events:
                yield event

    async def cancel(self, session_id: str) -> "SessionState":
        """Stop a running session; one that has ended stays as it is."""
        from quorum_mcp.runs.ops import SessionState

        return await self._typed("session.cancel", {"session_id": session_id}, SessionState)

    async def session(self, session_id: str) -> "SessionView":
        """A whole session: its turns, rounds, calls and costs."""
        from quorum_mcp.consensus.session import SessionView

        return await self._typed("session.get", {"session_id": session_id}, SessionView)

    async def sessions(self, **filters: Any) -> "SessionPage":
        """A page of sessions, newest first; filters: limit, status, q, since, until, cursor."""
        from quorum_mcp.runs.ops import SessionPage

        return await self._typed("sessions.list", filters, SessionPage)

    async def export(self, session_id: str, form: Literal["json", "md", "html"] = "md") -> str:
        """A session as text in one of three forms."""
        from quorum_mcp.consensus.ops.sessions import Export

        exported = await self._typed("session.export", {"session_id": session_id, "format": form}, Export)
        return exported.content

    async def providers(self) -> "Providers":
        """Every provider, its state and why."""
        from quorum_mcp.calls.ops.providers import Providers

        return await self._typed("providers.list", {}, Providers)

    async def models(self, provider: str | None = None, *, refresh: bool = False) -> "Models":
        """The models that can be asked; `refresh` asks the providers for their lists."""
        from quorum_mcp.calls.ops.models import Models

        given = {"refresh": refresh} | ({} if provider is None else {"provider": provider})
        return await self._typed("models.list", given, Models)

    async def estimate(self, question: str, **asking: Unpack[Asking]) -> "Estimate":
        """What `ask` may cost at the most, in USD, and whom it would ask."""
        from quorum_mcp.consensus.ops.ask import Estimate

        return await self._typed("cost.estimate", query_of(question, asking), Estimate)

    async def agreement(self, a: str, b: str, **given: str) -> "Agreement":
        """Whether two answers say the same."""
        from quorum_mcp.consensus.ops.ask import Agreement

        return await self._typed("agreement", {"a": a, "b": b, **given}, Agreement)

    async def invoke(self, operation: str, /, **given: Any) -> "BaseModel":
        """Carry out any operation by its name; the output is the model of its card.

        Raises:
            NotFound: there is no such operation.
            InvalidInput: the input does not fit.
        """
        return await self._invoke(operation, given)

    async def _invoke(self, name: str, given: "Mapping[str, Any] | BaseModel") -> "BaseModel":
        from quorum_mcp.operations.invoke import validate

        operation = operation_named(name)
        ready = given if isinstance(given, operation.input) else validate(operation.input, given)
        return await self._open().invoke(operation, ready)

    async def _typed(self, name: str, given: "Mapping[str, Any] | BaseModel", kind: type[T]) -> T:
        output = await self._invoke(name, given)
        assert isinstance(output, kind)
        return output

    async def _begun(self, starting: "asyncio.Task[QueryAnswer]") -> "QueryAnswer":
        """The run that is being started; one that nobody waits for any more is cancelled as soon as it is known."""
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting}, timeout=START_PATIENCE)
            if starting.done() and starting.exception() is None:
                await asyncio.shield(self._abandon(starting.result().session_id))
            starting.cancel()
            raise

    async def _abandon(self, session_id: str) -> None:
        try:
            await self.cancel(session_id)
        except QuorumError:
            return  # the caller is leaving already; the run ends at its own deadline

    def _open(self) -> "Backend":
        if self._backend is None:
            raise RuntimeError("the client is not open: use `async with Quorum() as q`")
        return self._backend


def _answer_type() -> "type[QueryAnswer]":
    from quorum_mcp.consensus.query import QueryAnswer

    return QueryAnswer


def operation_named(name: str) -> "AnyOperation":
    """The operation's card. Raises `NotFound` with the nearest name."""
    from difflib import get_close_matches

    from quorum_mcp.operations.manifest import operations

    known = operations()
    if name not in known:
        close = get_close_matches(name, known, 1, 0.4)
        hint = f"did you mean {close[0]!r}?" if close else "`quorum op` lists the operations"
        raise NotFound(f"there is no operation {name!r}", hint=hint)
    return known[name]
