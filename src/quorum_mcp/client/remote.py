"""A running server, over REST and server-sent events."""

import asyncio
import time
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, ValidationError

from quorum_mcp import codec
from quorum_mcp.errors import ConfigError, QuorumError, ServerUnavailable, Unsupported, revive
from quorum_mcp.events import ENDINGS, Event
from quorum_mcp.operations.card import Http, Operation
from quorum_mcp.providers.sse import SSE

I = TypeVar("I", bound=BaseModel)  # noqa: E741 - input
O = TypeVar("O", bound=BaseModel)  # noqa: E741 - output
CONNECT_SECONDS = 10.0
REATTACH = (0.1, 0.5, 1.0)
"""Seconds to wait before each further try to go on with a broken stream of events; the last one repeats."""
PATIENCE = 10.0
"""Seconds for which a server that went away is waited for: one that is started again resumes its runs."""
READ = 64 * 1024
UNREACHABLE = (aiohttp.ClientError, OSError, UnicodeError)
"""What a server that cannot be reached raises; a `UnicodeError` is of a host name that can be none."""


class Remote:
    """One server. Open it as a context.

    Args:
        url: where it listens, such as `http://127.0.0.1:8000`.
        api_key: sent as `Authorization: Bearer …`; None sends none.

    Raises:
        ConfigError: the key cannot be sent.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise ConfigError(
                "the API key has characters that cannot be sent, such as a line break",
                hint="check QUORUM_API_KEY: a key is one word",
            )
        self.url = url.rstrip("/")
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # A run may think for minutes before the first byte, so only connecting has a time limit.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(headers=self._headers, timeout=timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def invoke(self, operation: Operation[I, O], given: I) -> O:
        """The operation's output, from its REST route."""
        if operation.http is None or "rest" not in operation.surfaces:
            raise Unsupported(
                f"{operation.name} is not offered over REST", hint="unset QUORUM_URL to run it here"
            )
        # Only what was given: `synthesizer: null` means something else than no synthesizer.
        fields = given.model_dump(mode="json", exclude_unset=True)
        path = _path(operation.http, fields)
        try:
            async with self._request(operation.http.method, path, fields) as response:
                body = await response.read()
                await self._raise_for(response, body)
        except UNREACHABLE as error:
            raise self._unreachable(error) from error
        try:
            return operation.output.model_validate_json(_json_of(response, body))
        except ValidationError as error:
            raise self._strange(f"{operation.name}: {error.error_count()} fields do not fit") from error

    async def follow(self, session_id: str, after: int) -> AsyncGenerator[Event, None]:
        """The session's events; a broken connection is taken up again after the last event seen.

        Raises:
            ServerUnavailable: the server went away and stayed away; `details["session_id"]` names the session.
        """
        tries, lost, begun = 0, None, False
        while True:
            ended = False
            try:
                async for event in self._events(session_id, after):
                    tries, lost, begun = 0, None, True
                    after, ended = event.seq, event.type in ENDINGS
                    yield event
                if ended or not await self._is_open(session_id):
                    return
                lost = None
            except (*UNREACHABLE, ServerUnavailable) as error:
                if isinstance(error, ServerUnavailable) and not begun:
                    raise  # another program; once it was Quorum, it is a proxy whose server is away
                lost = lost or time.monotonic()
                if time.monotonic() - lost > PATIENCE:
                    raise self._gone(session_id, error) from error
            await asyncio.sleep(REATTACH[min(tries, len(REATTACH) - 1)])
            tries += 1

    async def _events(self, session_id: str, after: int) -> AsyncGenerator[Event, None]:
        path = f"/api/session/{quote(session_id, safe='')}/events"
        lines = SSE()
        async with self._request("GET", path, {"after": after}) as response:
            if response.status != 200:
                await self._raise_for(response, await response.read())
            async for data in response.content.iter_chunked(READ):
                for found in lines.feed(data):
                    yield codec.decode(found.data, Event)

    async def _is_open(self, session_id: str) -> bool:
        async with self._request("GET", f"/api/session/{quote(session_id, safe='')}", {}) as response:
            body = await response.read()
            await self._raise_for(response, body)
        return codec.decode(body).get("status") in ("queued", "running")

    def _request(
        self, method: str, path: str, fields: dict[str, Any]
    ) -> "aiohttp.client._RequestContextManager":  # pyright: ignore[reportPrivateUsage] - the type has no public name
        if self._session is None:
            raise RuntimeError("the client is not open: use `async with`")
        if method == "POST":
            headers = {"content-type": "application/json"}
            data = codec.encode(fields)
            return self._session.request(
                method, self.url + path, data=data, headers=headers, allow_redirects=False
            )
        query = {name: _text(value) for name, value in fields.items() if value is not None}
        return self._session.request(method, self.url + path, params=query, allow_redirects=False)

    async def _raise_for(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        if response.status < 300:
            return
        try:
            error = codec.decode(body)["error"]
            revived, code = revive(error), error["code"]
        except (codec.JSONError, KeyError, TypeError, AttributeError):
            error, code, revived = {}, None, None
        # Another program's error may have the code of one of ours, but not its fields.
        if revived is None or revived.code != code or not {"hint", "details"} <= error.keys():
            raise self._strange(f"status {response.status}")
        raise revived

    def _strange(self, what: str) -> QuorumError:
        return ServerUnavailable(
            f"{self.url} does not answer as Quorum does: {what}",
            hint="check QUORUM_URL and the server's version",
        )

    def _gone(self, session_id: str, error: Exception) -> QuorumError:
        return ServerUnavailable(
            f"{self.url} went away while {session_id} was running: {error or type(error).__name__}",
            hint=f"when the server runs again, it goes on with the session: `quorum sessions show {session_id}`",
            details={"session_id": session_id},
        )

    def _unreachable(self, error: Exception) -> QuorumError:
        return ServerUnavailable(
            f"{self.url} cannot be reached: {error or type(error).__name__}",
            hint="start the server with `quorum serve`, or unset QUORUM_URL to run without one",
        )


def _path(http: Http, fields: dict[str, Any]) -> str:
    """The route's path, its names filled from `fields`, which lose them."""
    path = http.path
    for name in [name for name in fields if "{" + name + "}" in path]:
        path = path.replace("{" + name + "}", quote(str(fields.pop(name)), safe=""))
    return path


def _text(value: object) -> str:
    """A value as a query parameter."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json_of(response: aiohttp.ClientResponse, body: bytes) -> bytes:
    """The body as the operation's output: a download is sent as itself, its name in a header."""
    disposition = response.content_disposition
    if disposition is None or disposition.type != "attachment":
        return body
    media_type = response.headers.get("content-type", "")
    return codec.encode(
        {"media_type": media_type, "filename": disposition.filename or "", "content": body.decode()}
    )
