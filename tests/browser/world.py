"""What a browser test stands on: scripted models, a server process, a proxy that can cut connections."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from tests.support.script import Scripted
from tests.support.server import Server, config
from tests.support.upstream import Upstream, upstream

PREFIX = "/some/where"
UNLIMITED = {"requests_per_minute": 100_000, "tokens_per_minute": 1_000_000_000, "concurrency": 500}
NOT_PASSED_ON = {"transfer-encoding", "connection", "content-encoding", "content-length"}


@dataclass
class World:
    """Scripted models behind a server at `url`; all of it lives in another thread or process."""

    up: Upstream
    server: Server
    loop: asyncio.AbstractEventLoop
    proxy: "Proxy"

    @property
    def url(self) -> str:
        return self.server.url + "/"

    def model(self, name: str, said: Scripted, **others: Scripted) -> str:
        """Script a model, which says the same again when it reviews; returns its name on a panel."""
        self.up.model(name, said, **({"critique": said} | others))
        return f"lab/{name}"

    def release(self, gate: str) -> None:
        """Let answers go on that wait for this gate."""
        self.loop.call_soon_threadsafe(self.up.release, gate)


@contextmanager
def world(home: Path, *, web_search: str = "none", **env: str) -> Iterator[World]:
    """A world of its own, whose models search the web in this vendor's way; `env` goes to the server."""
    with _thread() as (loop, up, proxy):
        given = config(up.url)
        given["providers"]["lab"] |= {"limits": UNLIMITED, "web_search": web_search}
        with Server(home, given, **env) as server:
            proxy.target = server.url
            yield World(up, server, loop, proxy)


@contextmanager
def _thread() -> Iterator[tuple[asyncio.AbstractEventLoop, Upstream, "Proxy"]]:
    """The models and the proxy, served by an event loop in a thread."""
    loop, started, box = asyncio.new_event_loop(), threading.Event(), list[Any]()
    over = asyncio.Event()

    async def main() -> None:
        async with upstream() as up, proxying() as proxy:
            box.extend((up, proxy))
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), name="world")
    thread.start()
    try:
        if not started.wait(10):
            raise RuntimeError("the world did not start")
        yield loop, box[0], box[1]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@dataclass
class Proxy:
    """A plain reverse proxy under a path of its own, as people put before a server."""

    url: str = ""
    target: str = ""
    event_streams: int = 0
    open: set[asyncio.Transport] = field(default_factory=set)

    def cut(self) -> None:
        """Break every open event stream; call it in the proxy's own loop."""
        for transport in list(self.open):
            transport.abort()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass one request on, without the prefix, and its answer back as it comes."""
        line = request.transport
        assert line is not None
        if request.path.endswith("/events"):
            self.event_streams += 1
            self.open.add(line)
        url = self.target + request.raw_path.removeprefix(PREFIX)
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await self._websocket(request, url)
        try:
            async with (
                aiohttp.ClientSession(auto_decompress=False) as session,
                session.request(
                    request.method, url, headers=request.headers, data=await request.read()
                ) as upstream_answer,
            ):
                kept = {k: v for k, v in upstream_answer.headers.items() if k.lower() not in NOT_PASSED_ON}
                if "content-encoding" in upstream_answer.headers:
                    kept["content-encoding"] = upstream_answer.headers["content-encoding"]
                answer = web.StreamResponse(status=upstream_answer.status, headers=kept)
                await answer.prepare(request)
                async for piece in upstream_answer.content.iter_any():
                    await answer.write(piece)
                return answer
        finally:
            self.open.discard(line)

    async def _websocket(self, request: web.Request, url: str) -> web.WebSocketResponse:
        """Pass frames on, both ways, until either side closes."""
        near = web.WebSocketResponse()
        await near.prepare(request)
        kept = {
            name: request.headers[name] for name in ("host", "origin", "cookie") if name in request.headers
        }
        async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=kept) as far:
            passing = [asyncio.ensure_future(_frames(near, far)), asyncio.ensure_future(_frames(far, near))]
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            for task in passing:
                task.cancel()
        await near.close()
        return near


async def _frames(
    source: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    to: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in source:
        await to.send_str(message.data)


@asynccontextmanager
async def proxying() -> AsyncIterator[Proxy]:
    """A proxy on a free port; its target is set later."""
    proxy = Proxy()
    app = web.Application()
    app.router.add_route("*", PREFIX + "/{rest:.*}", proxy.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}/"
    try:
        yield proxy
    finally:
        await runner.cleanup()
