"""The OpenAI shape for the byte server, and a provider that talks to it."""

import pytest
from tests.integration.providers.byteserver import LAST, ByteServer, End, Step, chunk, head

from quorum_mcp.answers import Answer
from quorum_mcp.codec import encode
from quorum_mcp.messages import ModelRequest, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

REQUEST = ModelRequest("m", (message("user", "x"),))
TIMES = Timeouts(connect=2, first_byte=2, idle=2, total=4)
DONE = b"data: [DONE]\n\n"


def delta(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + encode({"id": "1", "model": "m", "choices": [choice]}) + b"\n\n"


def completion(text: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "message": {"content": text}, "finish_reason": "stop"}]}


def stream(*events: bytes | float | End, end: bool = True) -> list[Step]:
    steps: list[Step] = [head("text/event-stream")]
    steps += [chunk(event) if isinstance(event, bytes) else event for event in events]
    return [*steps, LAST] if end else steps


def provider(server: ByteServer, transport: Transport, *keys: str, how: str = "bearer") -> Endpoint:
    return Endpoint("lab", load_wire("openai"), server.url, Auth(how, keys), transport)


async def ask(endpoint: Endpoint, mode: str, times: Timeouts = TIMES) -> Answer:
    if mode == "whole":
        return await endpoint.complete(REQUEST, times)
    items = [item async for item in endpoint.stream(REQUEST, times)]
    answer = items[-1]
    assert isinstance(answer, Answer)
    return answer


both = pytest.mark.parametrize("mode", ["whole", "stream"])
