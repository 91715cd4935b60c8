"""The transport and the endpoint against a server that misbehaves byte by byte."""

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest
from tests.integration.providers.byteserver import (
    LAST,
    ByteServer,
    End,
    Request,
    Step,
    byte_server,
    chunk,
    head,
    whole,
)
from tests.integration.providers.chat import (
    DONE,
    REQUEST,
    TIMES,
    ask,
    both,
    completion,
    delta,
    provider,
    stream,
)

from quorum_mcp.answers import Answer
from quorum_mcp.errors import (
    BadProviderAnswer,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

pytestmark = pytest.mark.anyio


@both
async def test_connections_are_kept(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: (
        whole(completion("yes")) if mode == "whole" else stream(delta("yes", "stop"), DONE)
    )
    for _ in range(20):
        assert (await ask(provider(server, transport), mode)).text == "yes"
    assert server.connections == 1
    assert len(server.requests) == 20


async def test_a_stream_that_stays_open_after_its_end_marker_is_an_answer(
    server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: stream(delta("yes", "stop"), DONE, End.HANG)
    began = time.monotonic()
    assert (await ask(provider(server, transport), "stream")).text == "yes"
    assert time.monotonic() - began < 1.8
    await asyncio.wait_for(server.dropped.wait(), 2)


@both
async def test_hang_before_the_first_byte(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [End.HANG]
    began = time.monotonic()
    with pytest.raises(ProviderTimeout, match=r"no first byte within 0\.2 s"):
        await ask(provider(server, transport), mode, Timeouts(connect=2, first_byte=0.2, idle=2, total=3))
    assert time.monotonic() - began < 1.8
    await asyncio.wait_for(server.dropped.wait(), 2)


@both
async def test_a_head_without_a_body_is_no_first_byte(
    mode: str, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: [head("text/event-stream"), End.HANG]
    with pytest.raises(ProviderTimeout, match="no first byte"):
        await ask(provider(server, transport), mode, Timeouts(first_byte=0.2, idle=2, total=3))


@both
async def test_silence_in_the_middle(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: stream(delta("It goes"), End.HANG)
    with pytest.raises(ProviderTimeout, match=r"stopped for 0\.2 s"):
        await ask(provider(server, transport), mode, Timeouts(first_byte=60, idle=0.2, total=90))


async def test_a_slow_drip_is_not_idle(server: ByteServer, transport: Transport) -> None:
    """A byte now and then, slower in all than the idle limit, is an answer: each wait alone counts."""
    data = delta("slow", "stop") + DONE

    def drip(_: Request) -> Iterator[Step]:
        yield head("text/event-stream")
        for byte in data:
            yield chunk(bytes([byte]))
            yield 0.005
        yield LAST

    server.answer = drip
    answer = await ask(provider(server, transport), "stream", Timeouts(first_byte=1, idle=0.3, total=4))
    assert answer.text == "slow"


async def test_a_drip_without_end_meets_the_total(server: ByteServer, transport: Transport) -> None:
    def drip(_: Request) -> Iterator[Step]:
        yield head("text/event-stream")
        while True:
            yield chunk(b": still here\n\n")
            yield 0.02

    server.answer = drip
    with pytest.raises(ProviderTimeout, match=r"no complete answer within 0\.5 s"):
        await ask(provider(server, transport), "stream", Timeouts(first_byte=1, idle=1, total=0.5))


async def test_a_slow_reader_is_not_a_slow_provider(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: stream(delta("a"), delta("b", "stop"), DONE)
    items = []
    async for item in provider(server, transport).stream(REQUEST, Timeouts(first_byte=1, idle=0.1, total=3)):
        items.append(item)
        await asyncio.sleep(0.2)
    assert isinstance(items[-1], Answer)


async def test_a_connection_that_is_not_accepted(transport: Transport) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        # One waits in the queue of length 0 (which holds one); the next is left without an answer.
        with socket.create_connection(address):
            codec = load_wire("openai")
            endpoint = Endpoint("lab", codec, f"http://127.0.0.1:{address[1]}", Auth("bearer"), transport)
            with pytest.raises(ProviderTimeout, match=r"no connection within 0\.3 s"):
                await ask(endpoint, "whole", Timeouts(connect=0.3, first_byte=2, idle=2, total=3))


async def test_nobody_listens(transport: Transport) -> None:
    async with byte_server() as gone:
        endpoint = provider(gone, transport)
    with pytest.raises(ProviderUnavailable, match="cannot reach") as caught:
        await ask(endpoint, "whole")
    assert (caught.value.provider, caught.value.model) == ("lab", "m")


@both
@pytest.mark.parametrize(
    "steps", [[End.CUT], [b"HTTP/1.1 200 OK\r\ncontent-", End.CUT]], ids=["at once", "in the head"]
)
async def test_a_connection_that_ends_before_an_answer(
    mode: str, steps: list[Step], server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: steps
    with pytest.raises(ProviderUnavailable):
        await ask(provider(server, transport), mode)


@both
async def test_a_cut_body(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [*stream(delta("It goes"), delta(" on", "stop"), end=False), End.CUT]
    with pytest.raises(BadProviderAnswer, match="cut"):
        await ask(provider(server, transport), mode)


async def test_a_cut_length(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [whole(completion("yes"))[0][:-9], End.CUT]
    with pytest.raises(BadProviderAnswer, match="cut"):
        await ask(provider(server, transport), "whole")


@both
@pytest.mark.parametrize(
    "body",
    [
        b"{malformed",
        b"",
        b"null",
        b"[1, 2]",
        b'{"choices": "none"}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b"\xff\xfe{}",
    ],
)
async def test_bodies_that_are_no_answer(
    mode: str, body: bytes, server: ByteServer, transport: Transport
) -> None:
    if mode == "whole":
        server.answer = lambda _: whole(body)
    else:
        server.answer = lambda _: stream(b"data: " + body + b"\n\n", DONE)
    with pytest.raises(BadProviderAnswer):
        await ask(provider(server, transport), mode)


async def test_a_page_instead_of_a_stream(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(
        b"<html>Sign in to the network</html>", 200, {"content-type": "text/html"}
    )
    with pytest.raises(BadProviderAnswer):
        await ask(provider(server, transport), "stream")


async def test_a_server_that_cannot_stream(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(completion("all at once"))
    items = [item async for item in provider(server, transport).stream(REQUEST, TIMES)]
    assert [getattr(item, "text", None) for item in items] == ["all at once", "all at once"]


@both
async def test_answers_of_several_megabytes(mode: str, server: ByteServer, transport: Transport) -> None:
    text = "Ein großer Text, 世界 🌍. " * 150_000
    assert len(text.encode()) > 4_000_000
    if mode == "whole":
        server.answer = lambda _: whole(completion(text))
    else:
        # One event of all of it, then many small ones.
        server.answer = lambda _: stream(delta(text), *[delta("x")] * 2_000, delta("", "stop"), DONE)
    began = time.process_time()
    answer = await ask(provider(server, transport), mode)
    assert answer.text == text + ("x" * 2_000 if mode == "stream" else "")
    assert time.process_time() - began < 4


@both
async def test_the_size_is_bounded(mode: str, server: ByteServer) -> None:
    transport = Transport(max_body=100_000)
    server.answer = lambda _: stream(*[delta("x" * 1_000)] * 200, delta("", "stop"), DONE)
    with pytest.raises(BadProviderAnswer, match="larger than 100000 bytes"):
        await ask(provider(server, transport), mode)
    await transport.close()


@both
async def test_cancelling_drops_the_connection(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: stream(delta("It goes"), End.HANG)
    task = asyncio.ensure_future(ask(provider(server, transport), mode))
    await server.asked.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.dropped.wait(), 1)


async def test_closing_the_stream_early_drops_the_connection(
    server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: stream(delta("It goes"), End.HANG)
    items = provider(server, transport).stream(REQUEST, TIMES)
    assert getattr(await anext(items), "text", None) == "It goes"
    await items.aclose()
    await asyncio.wait_for(server.dropped.wait(), 1)


async def test_proxies_of_the_environment(
    server: ByteServer, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda _: whole(completion("yes"))
    monkeypatch.setenv("http_proxy", server.url)
    far = Endpoint("far", load_wire("openai"), "http://models.example/v1", Auth("bearer"), transport)
    assert (await ask(far, "whole")).text == "yes"
    assert server.requests[0].path == "http://models.example/v1/chat/completions"
    assert (await ask(provider(server, transport), "whole")).text == "yes"
    assert server.requests[1].path == "/chat/completions"  # this machine is reached directly


@both
async def test_redirects_are_not_followed(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(b"", 307, {"location": "http://127.0.0.1:1/elsewhere"})
    with pytest.raises(ProviderRefused, match="HTTP 307"):
        await ask(provider(server, transport, "secret-key-1"), mode)
    assert len(server.requests) == 1
