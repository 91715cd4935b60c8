"""A receiver of webhooks on loopback, which keeps what it was sent and answers as a test scripts."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Received:
    """One message."""

    headers: dict[str, str]
    text: str

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.text)


@dataclass
class Hook:
    """What came, and what is answered: the statuses in turn, the last one for ever."""

    url: str = ""
    answers: list[int] = field(default_factory=lambda: [200])
    received: list[Received] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(headers, await request.text()))
        self.changed.set()
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status == 302:
            return web.Response(status=302, headers={"location": f"{self.url}/elsewhere"})
        if status == 0:
            await asyncio.sleep(60)
        return web.Response(status=status, text="thanks")

    async def until(self, count: int, seconds: float = 4.0) -> None:
        async with asyncio.timeout(seconds):
            while len(self.received) < count:
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def hook(*answers: int) -> AsyncGenerator[Hook]:
    """A receiver at `url`."""
    receiver = Hook(answers=list(answers) or [200])
    app = web.Application()
    app.router.add_post("/{tail:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/in"
    try:
        yield receiver
    finally:
        await runner.cleanup()
