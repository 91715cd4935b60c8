"""The barest proxy that Python can be: a raw ASGI application that hands bytes to aiohttp, and nothing else.

UPSTREAM is the base URL. Run by `python bare.py PORT`; it is what the ratios are measured against.
"""

import os
import sys
from typing import Any

import aiohttp
import uvicorn

URL = os.environ["UPSTREAM"] + "/chat/completions"
HEADERS = {"content-type": "application/json", "authorization": "Bearer bench"}
JSON = (b"content-type", b"application/json")
STREAM = [(b"content-type", b"text/event-stream")]


class Bare:
    """Passes a body on and the answer back."""

    session: aiohttp.ClientSession

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.lifespan(receive, send)
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        async with self.session.post(URL, data=body, headers=HEADERS) as answer:
            if b'"stream":true' in body:
                await send({"type": "http.response.start", "status": answer.status, "headers": STREAM})
                async for piece in answer.content.iter_any():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                return
            data = await answer.read()
            length = (b"content-length", b"%d" % len(data))
            await send({"type": "http.response.start", "status": answer.status, "headers": [JSON, length]})
            await send({"type": "http.response.body", "body": data})

    async def lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        connector = aiohttp.TCPConnector(limit=2048)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self.session:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    uvicorn.run(
        Bare(), port=int(sys.argv[1]), log_level="error", access_log=False, http="httptools", loop="uvloop"
    )
