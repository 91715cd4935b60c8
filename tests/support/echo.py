"""A provider that repeats the key it was sent, in every place of a refusal; what it saw is kept."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

REFUSALS = {"r400": 400, "r401": 401, "r404": 404, "r413": 413, "r429": 429, "r500": 500, "r200": 200}
"""Its models, and the status with which each refuses; `r200` does so inside a successful answer, `stream` in a
stream that has begun, and `fine` answers."""
MODELS = [*REFUSALS, "stream", "fine"]


@dataclass
class Echo:
    """Where it is (with `/v1`), and the keys that came."""

    url: str = ""
    keys: set[str] = field(default_factory=set)

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name} for name in MODELS]})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.keys.add(key)
        error = {
            "error": {
                "message": f"Incorrect API key provided: {key}. [{key}]",
                "type": key,
                "code": key,
                "param": key,
                key: key,
            }
        }
        model = body["model"]
        headers = {"x-request-id": key, "retry-after": key, "x-ratelimit-limit-requests": key}
        if model in REFUSALS:
            return web.json_response(error, status=REFUSALS[model], headers=headers)
        if not body.get("stream"):
            choice = {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "four"},
            }
            return web.json_response({"id": "x", "model": model, "choices": [choice]})
        stream = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await stream.prepare(request)
        end = None if model == "stream" else "stop"
        choice = {"index": 0, "delta": {"content": "It is four."}, "finish_reason": end}
        await stream.write(_event({"id": "x", "model": model, "choices": [choice]}))
        if model == "stream":
            await stream.write(_event(error))
        await stream.write(b"data: [DONE]\n\n")
        return stream


def _event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


@asynccontextmanager
async def echo() -> AsyncGenerator[Echo]:
    """The provider, on a free port."""
    found = Echo()
    app = web.Application()
    app.router.add_get("/v1/models", found.models)
    app.router.add_post("/v1/chat/completions", found.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield found
    finally:
        await runner.cleanup()
