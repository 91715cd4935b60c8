"""A server on loopback that answers as the vendors did: the model's name says which recorded answer comes back.

Every wire has a path of its own, so that one server stands for all five vendors.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conformance.wire_answers import Case, cases
from tests.support.http1 import LAST, Request, chunk, head, read_request

PATHS = {
    "openai": "/openai/v1",
    "anthropic": "/anthropic",
    "google": "/google",
    "mistral": "/mistral",
    "ollama": "/ollama",
}
"""Where each wire's base URL ends."""


def slug(case: Case) -> str:
    """The case's name as a model's name."""
    return re.sub(r"\W+", "-", case.name.lower()).strip("-")


def providers(url: str) -> dict[str, Any]:
    """The `providers` section: one for each wire, and one more for its answers that are errors."""
    found: dict[str, Any] = {}
    for case in cases():
        name = case.wire if case.error is None else f"{case.wire}-failing"
        entry = {"wire": case.wire, "base_url": url + PATHS[case.wire], "models": [], "price": {"input_per_million": 1.0, "output_per_million": 2.0}}  # fmt: skip
        found.setdefault(name, entry)["models"].append(slug(case))
    return found


@asynccontextmanager
async def replaying() -> AsyncIterator[str]:
    """The server's URL."""
    known = {(case.wire, slug(case)): case for case in cases()}
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader)) is not None:
                writer.write(_answer(request, known))
                await writer.drain()
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _answer(request: Request, known: dict[tuple[str, str], Case]) -> bytes:
    wire = request.path.split("/")[1]
    if request.method == "GET":
        return head(404, {"content-length": "0"})  # lists are not recorded
    in_path = re.search(r"/models/([^:]+):(\w+)", request.path)
    name = in_path[1] if in_path else request.json["model"]
    case = known[wire, name]
    streamed = in_path[2] == "streamGenerateContent" if in_path else bool(request.json.get("stream"))
    if not streamed:
        lines = {"content-type": "application/json", "content-length": str(len(case.whole))}
        return head(200, lines) + case.whole
    kind = "application/x-ndjson" if wire == "ollama" else "text/event-stream"
    first = head(200, {"content-type": kind, "transfer-encoding": "chunked"})
    return first + b"".join(chunk(event) for event in case.stream) + LAST
