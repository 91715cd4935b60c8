"""Sessions of the older revision among several processes: each lives where it began, and is reached through all.

A session's id tells where that is, in words that only holders of the master keys can read. A request that reaches
another process is let in there, handed on to the session's own, and let in there again. An address may be another
program's by then, so before a caller's key goes there, who answers has to show that it holds the master keys.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from quorum_mcp import codec
from quorum_mcp.access.master_keys import MasterKeys, Sealed
from quorum_mcp.api.exchange import Exchange
from quorum_mcp.api.listener import serving, unix_listener
from quorum_mcp.errors import Cancelled

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger()

PURPOSE = "mcp: where a session lives: "
"""What a place is sealed under, with the rest of the session's id."""
MARK = "x-quorum-handed-on"
"""The header of a request that was handed on to another machine: it goes no further than to a worker there."""
CHALLENGE, PROOF = "x-quorum-challenge", "x-quorum-proof"
"""Headers: a word that nobody used before, and the same, sealed by who was asked."""
PROVING = "mcp: a server with the same master keys"
"""What a proof is sealed under."""
PROVEN_AT = "/api/health/live"
PROVEN_SECONDS = 10.0
"""For which a server that showed its proof is believed."""
LONGEST = 64
"""Characters of a challenge."""
CONNECT_SECONDS = 2.0
OWN_WAY = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "te",
        "trailer",
        "transfer-encoding",
    }
    | {"upgrade", MARK}
)
"""Headers of a request that belong to one connection, and those that were judged where it came in."""
OWN_ANSWER = OWN_WAY | {"date", "server", "x-content-type-options", "x-request-id"}
"""Headers that every process gives its answers by itself."""

GONE = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session not found"}}'
"""What the SDK says of a session that it does not know."""


class Place(Struct, frozen=True, array_like=True):
    """Where a process is: the URL of its server, and the socket of its own, for others on the same machine."""

    url: str | None = None
    socket: str | None = None


class Peers:
    """The other processes.

    Args:
        keys: the master keys, which all of them share.
        url: where the server of this process is reached from other machines; None: not at all.
    """

    def __init__(self, keys: MasterKeys, url: str | None) -> None:
        self._keys = keys
        self._own = Place(url)
        self._listener: Path | None = None
        self._sessions: dict[str | None, aiohttp.ClientSession] = {}
        self._proven: dict[str, float] = {}

    def among(self, folder: Path, number: int) -> None:
        """This is one of the workers that have their sockets in `folder`, which no other user can open."""
        self._listener = folder / f"{number}.sock"
        self._own = Place(self._own.url, str(self._listener))

    @asynccontextmanager
    async def open(self, app: ASGIApp) -> AsyncGenerator[None, None]:
        """Let other workers in for as long as the context is open; `app` answers what they hand on."""
        try:
            if self._listener is None:
                yield
            else:
                async with serving(_near(app), unix_listener(self._listener), "workers"):
                    yield
        finally:
            for session in self._sessions.values():
                await session.close()

    def name(self, session: str) -> str:
        """The id of a session of this process, which tells the others where it is."""
        if self._own == Place():
            return session
        place = codec.encode(self._own).decode()
        return f"{session}.{self._keys.current().seal(place, PURPOSE + session).token}"

    def elsewhere(self, name: str, headers: Mapping[str, str]) -> Place | None:
        """Where the session with this id lives, if that is another process that can be asked from here."""
        session, _, token = name.partition(".")
        if self._own == Place() or not token or (sealed := Sealed.read(token)) is None:
            return None
        if (text := self._keys.open(sealed, PURPOSE + session)) is None:
            return None
        place = codec.decode(text.encode(), Place)
        if place == self._own:
            return None
        if place.socket and self._own.socket and Path(place.socket).parent == Path(self._own.socket).parent:
            return Place(None, place.socket)
        return Place(place.url) if place.url not in (None, self._own.url) and MARK not in headers else None

    def proof(self, challenge: str | None) -> dict[str, str]:
        """The header that shows who asks with a challenge that this server holds the master keys, where peers may ask."""
        if challenge is None or self._own.url is None or not 1 <= len(challenge) <= LONGEST:
            return {}
        return {PROOF: self._keys.current().seal(challenge, PROVING).token}

    async def hand_on(self, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the process at `place` answer. Where it is gone, so is the session: then the client begins anew."""
        exchange = Exchange(scope, receive, send)
        with suppress(Cancelled):
            body = await exchange.body()
            if not await exchange.unless_hung_up(self._relayed(place, scope, body, send)):
                await Response(GONE, 404, media_type="application/json")(scope, receive, send)

    async def _relayed(self, place: Place, scope: Scope, body: bytes, send: Send) -> bool:
        """Ask there and pass the answer on; whether there was one."""
        import aiohttp

        session = self._sessions.get(place.socket) or self._connect(place.socket)
        url, query = place.url or "http://localhost", scope["query_string"].decode("latin-1")
        headers = [(name, value) for name, value in _text(scope["headers"]) if name not in OWN_WAY]
        begun = False
        try:
            if place.url is not None:
                headers.append((MARK, "1"))
                await self._prove(session, place.url)
            asked = session.request(
                scope["method"],
                f"{url}/mcp?{query}",
                data=body or None,
                headers=headers,
                allow_redirects=False,
            )
            async with asked as response:
                lines = [(name.lower(), value) for name, value in response.raw_headers]
                own = [line for line in lines if line[0].decode("latin-1") not in OWN_ANSWER]
                begun = True
                await send({"type": "http.response.start", "status": response.status, "headers": own})
                async for piece in response.content.iter_any():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning(
                "mcp.peer_lost", peer=place.url or place.socket, error=str(error) or type(error).__name__
            )
        if begun:
            await send({"type": "http.response.body", "body": b""})
        return begun

    async def _prove(self, session: "aiohttp.ClientSession", url: str) -> None:
        """Raise `OSError` unless a server with the same master keys answers at `url`."""
        if self._proven.get(url, 0.0) > time.monotonic():
            return
        challenge = secrets.token_hex(LONGEST // 4)
        async with asyncio.timeout(CONNECT_SECONDS):
            async with session.get(
                url + PROVEN_AT, headers={CHALLENGE: challenge}, allow_redirects=False
            ) as response:
                sealed = Sealed.read(response.headers.get(PROOF, ""))
        if sealed is None or self._keys.open(sealed, PROVING) != challenge:
            raise OSError("who answers there does not hold the master keys")
        self._proven[url] = time.monotonic() + PROVEN_SECONDS

    def _connect(self, path: str | None) -> "aiohttp.ClientSession":
        import aiohttp

        connector = aiohttp.UnixConnector(path, limit=0) if path else aiohttp.TCPConnector(limit=0)
        session = self._sessions[path] = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("accept", "accept-encoding", "content-type", "user-agent"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )
        return session


def _near(app: ASGIApp) -> ASGIApp:
    """The application for requests that a worker of this machine let in: they are as good as from here."""

    async def near(scope: Scope, receive: Receive, send: Send) -> None:
        scope["client"] = ("127.0.0.1", 0)
        await app(scope, receive, send)

    return near


def _text(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
