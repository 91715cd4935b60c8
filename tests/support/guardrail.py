"""A guardrail on loopback that judges as a test says, and keeps what it was asked."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Question = dict[str, Any]
Verdict = dict[str, Any]
ALLOW: Verdict = {"action": "allow"}


class Guard:
    """What it was asked, and how it judges: `judge` may be replaced at any time."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[Question] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[str] = []
        self.judge: Callable[[Question], Verdict | web.Response] = lambda _: ALLOW
        self.wait: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0)

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.asked.append(json.loads(body))
        await self.wait()
        verdict = self.judge(self.asked[-1])
        return verdict if isinstance(verdict, web.Response) else web.json_response(verdict)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Its entry in quorum.yaml."""
        return {"url": self.url, "name": "the guard", "allow_private": True} | more


@asynccontextmanager
async def guardrail() -> AsyncGenerator[Guard]:
    """One that allows everything until a test says otherwise."""
    guard = Guard()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/check", guard.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    guard.url = f"http://127.0.0.1:{runner.addresses[0][1]}/check"
    try:
        yield guard
    finally:
        await runner.cleanup()


def rewriting(old: str, new: str) -> Callable[[Question], Verdict]:
    """A judge that puts one word in place of another."""

    def judge(question: Question) -> Verdict:
        texts = [one["text"].replace(old, new) for one in question["texts"]]
        return {"action": "rewrite", "texts": texts}

    return judge


def blocking(word: str, stage: str) -> Callable[[Question], Verdict]:
    """A judge that blocks what holds a word, at one stage."""

    def judge(question: Question) -> Verdict:
        found = question["stage"] == stage and any(word in one["text"] for one in question["texts"])
        return {"action": "block", "reason": f"{word} is not for this"} if found else ALLOW

    return judge
