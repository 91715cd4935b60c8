"""A body that nobody has called for yet does not come slowly."""

import asyncio

import pytest
from starlette.types import Receive, Scope, Send
from tests.support.server import free_port

from quorum_mcp.api import connection
from quorum_mcp.api.listener import listening

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
HEAD = b"POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"


async def dawdling(_: Scope, receive: Receive, send: Send) -> None:
    """An application that has other things to do before it reads."""
    await asyncio.sleep(3.2)
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(("sent", "status"), [(b"four", b"200"), (b"two", b"408")])
async def test_who_waits_for_the_word_to_go_on_is_not_slow(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, status: bytes
) -> None:
    monkeypatch.setattr(connection, "BODY_SECONDS", 1)
    port = free_port()
    async with listening(dawdling, "127.0.0.1", port, "test"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(sent)
        assert (await reader.readuntil(b"\r\n")).split()[1] == status
        writer.close()
