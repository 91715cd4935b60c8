"""A plain HTTP client of a Quorum server, as any caller could write it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Answer:
    """A whole answer; `body` is its JSON, or its text where it is none."""

    status: int
    headers: dict[str, str]
    body: Any
    raw: bytes = b""

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    @property
    def error(self) -> dict[str, Any]:
        """The error of a refusal."""
        return self.body["error"]


@dataclass
class Rest:
    """Requests to a server at `url`; `headers` go with each."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None

    async def request(self, method: str, path: str, **more: Any) -> Answer:
        """One request; `headers` are added to the client's own."""
        headers = self.headers | more.pop("headers", {})
        async with self.session.request(method, self.url + path, headers=headers, **more) as response:
            raw = await response.read()
            text = raw.decode(errors="replace")
            kind = response.headers.get("content-type", "")
            body = json.loads(text) if kind.startswith("application/json") else text
            return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, body, raw)

    async def get(self, path: str, **more: Any) -> Answer:
        return await self.request("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return await self.request("POST", path, **({"json": body} if body is not None else {}), **more)

    async def query(self, question: str, panel: Any = None, **body: Any) -> Answer:
        """`POST /api/query`, whatever comes back."""
        given = {"query": question} | ({"panel": panel} if panel is not None else {}) | body
        return await self.post("/api/query", given)

    async def ask(self, question: str, panel: Any = None, **body: Any) -> dict[str, Any]:
        """As `query`; fails unless the server accepts it."""
        answer = await self.query(question, panel, **body)
        assert answer.status in (200, 202), answer.body
        return answer.body

    async def session_of(self, session_id: str) -> dict[str, Any]:
        """The whole session."""
        answer = await self.get(f"/api/session/{session_id}")
        assert answer.status == 200, answer.body
        return answer.body

    async def events(self, session_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
        """The session's events as they come, until the server ends the stream."""
        url = f"{self.url}/api/session/{session_id}/events?after={after}"
        async with self.session.get(url, headers=self.headers) as response:
            assert response.status == 200, await response.text()
            async for event in sse(response):
                yield event

    async def all_events(self, session_id: str, after: int = 0) -> list[dict[str, Any]]:
        return [event async for event in self.events(session_id, after)]

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=60), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


@asynccontextmanager
async def client(url: str, **headers: str) -> AsyncIterator[Rest]:
    rest = Rest(url, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        yield rest
    finally:
        await rest.close()


async def sse(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The events of a stream; each one's `id` and `event` lines must say what its data says."""
    named: dict[str, str] = {}
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith(("id: ", "event: ")):
            name, _, value = line.partition(": ")
            named[name] = value
        elif line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            assert named == {"id": str(event["seq"]), "event": event["type"]}
            yield event
