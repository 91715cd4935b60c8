"""The transport and the endpoint against a server that misbehaves byte by byte."""

import asyncio
import socket
import time
from collections.abc import Iterator
from email.utils import formatdate

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

from quorum_mcp.answers import Answer
from quorum_mcp.codec import encode
from quorum_mcp.errors import (
    BadProviderAnswer,
    ConfigError,
    ProviderAuth,
    ProviderError,
    ProviderRateLimited,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from quorum_mcp.messages import ModelRequest, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import load_wire

pytestmark = pytest.mark.anyio

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
    assert time.monotonic() - began < 1
    await asyncio.wait_for(server.dropped.wait(), 2)


@both
async def test_hang_before_the_first_byte(mode: str, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: [End.HANG]
    began = time.monotonic()
    with pytest.raises(ProviderTimeout, match=r"no first byte within 0\.2 s"):
        await ask(provider(server, transport), mode, Timeouts(connect=2, first_byte=0.2, idle=2, total=3))
    assert time.monotonic() - began < 1
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
        await ask(provider(server, transport), mode, Timeouts(first_byte=2, idle=0.2, total=3))


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
    assert time.process_time() - began < 3


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


@both
@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "30"}, {}, 30),
        ({"retry-after": "1.5"}, {}, 1.5),
        ({"Retry-After": "DATE"}, {}, 40),
        ({"retry-after-ms": "250", "retry-after": "1"}, {}, 0.25),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, {}, 360),
        (
            {
                "x-ratelimit-reset-requests": "120ms",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            {},
            0.12,
        ),
        ({"x-ratelimit-reset": "EPOCH_MS"}, {}, 40),
        (
            {"anthropic-ratelimit-requests-reset": "ISO", "anthropic-ratelimit-requests-remaining": "0"},
            {},
            40,
        ),
        ({}, {"message": "Please try again in 1.25s.", "code": "rate_limit_exceeded"}, 1.25),
        (
            {},
            {
                "message": "Quota",
                "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "34s"}],
            },
            34,
        ),
        ({}, {"message": "Slow down"}, None),
        ({"retry-after": "soon"}, {"message": "Slow down"}, None),
    ],
)
async def test_limits_say_when_to_come_back(
    mode: str,
    headers: dict[str, str],
    body: dict[str, object],
    seconds: float | None,
    server: ByteServer,
    transport: Transport,
) -> None:
    then = time.time() + 40
    moments = {
        "DATE": formatdate(then, usegmt=True),
        "EPOCH_MS": str(int(then * 1000)),
        "ISO": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then)),
    }
    server.answer = lambda _: whole({"error": body}, 429, {k: moments.get(v, v) for k, v in headers.items()})
    with pytest.raises(ProviderRateLimited) as caught:
        await ask(provider(server, transport), mode)
    if seconds is None:
        assert caught.value.retry_after is None
    else:
        assert caught.value.retry_after == pytest.approx(seconds, abs=2 if seconds == 40 else 1e-6)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": "Invalid"}, "provider_auth"),
        (403, {"message": "Not yours"}, "provider_auth"),
        (
            400,
            {"message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT"},
            "provider_auth",
        ),
        (402, {"message": "Insufficient credits"}, "provider_refused"),
        (
            429,
            {"message": "You exceeded your current quota", "code": "insufficient_quota"},
            "provider_refused",
        ),
        (400, {"message": "bad", "code": "context_length_exceeded"}, "provider_context_too_long"),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, "provider_context_too_long"),
        (
            400,
            {"message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."},
            "provider_context_too_long",
        ),
        (413, {"message": "request too large"}, "provider_context_too_long"),
        (400, {"message": "flagged", "code": "content_policy_violation"}, "provider_content_filtered"),
        (400, {"message": "x", "code": "data_inspection_failed"}, "provider_content_filtered"),
        (403, {"message": "Input was flagged", "metadata": {"reasons": ["x"]}}, "provider_content_filtered"),
        (404, {"message": "The model `m` does not exist", "code": "model_not_found"}, "provider_refused"),
        (
            400,
            {"message": "`temperature` is deprecated for this model.", "type": "invalid_request_error"},
            "provider_refused",
        ),
        (408, {"message": "Timeout"}, "provider_timeout"),
        (422, "Unprocessable", "provider_refused"),
        (500, {"message": "x"}, "provider_unavailable"),
        (529, {"message": "Overloaded", "type": "overloaded_error"}, "provider_unavailable"),
    ],
)
async def test_refusals_have_their_type(
    status: int, error: object, kind: str, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole({"error": error}, status)
    with pytest.raises(ProviderError) as caught:
        await ask(provider(server, transport), "stream")
    assert caught.value.code == kind


async def test_only_a_limit_waits_for_the_limits(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole({"error": {"message": "x"}}, 500, {"x-ratelimit-reset-tokens": "6m0s"})
    with pytest.raises(ProviderUnavailable) as caught:
        await ask(provider(server, transport), "whole")
    assert caught.value.retry_after is None
    server.answer = lambda _: whole({"error": {"message": "x"}}, 503, {"retry-after": "7"})
    with pytest.raises(ProviderUnavailable) as caught:
        await ask(provider(server, transport), "whole")
    assert caught.value.retry_after == 7


async def test_an_error_page_is_quoted(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(
        b"<html>\n<h1>502 Bad Gateway</h1></html>", 502, {"content-type": "text/html"}
    )
    with pytest.raises(ProviderUnavailable, match="HTTP 502: <html> <h1>502 Bad Gateway"):
        await ask(provider(server, transport), "whole")


async def test_keys_rotate_on_limits(server: ByteServer, transport: Transport) -> None:
    def answer(request: Request) -> list[Step]:
        if request.headers["authorization"] == "Bearer first-key-1":
            return whole({"error": {"message": "Slow down"}}, 429, {"retry-after": "30"})
        return whole(completion("yes"))

    server.answer = answer
    endpoint = provider(server, transport, "first-key-1", "second-key-2")
    with pytest.raises(ProviderRateLimited) as caught:
        await ask(endpoint, "whole")
    assert caught.value.retry_after == 0  # the other key is free
    assert (await ask(endpoint, "whole")).text == "yes"
    assert (await ask(endpoint, "stream")).text == "yes"
    server.answer = lambda _: whole({"error": {"message": "Slow down"}}, 429, {"retry-after": "30"})
    with pytest.raises(ProviderRateLimited) as caught:
        await ask(endpoint, "whole")
    assert caught.value.retry_after == 30  # now both are limited


async def test_keys_are_never_shown(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole({"error": {"message": "Bad key secret-key-1 (secret-key-1)"}}, 401)
    with pytest.raises(ProviderAuth) as caught:
        await ask(provider(server, transport, "secret-key-1"), "whole")
    assert "secret-key-1" not in str(caught.value) + str(caught.value.to_dict())


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("header api-key", lambda request: request.headers["api-key"]),
        ("query key", lambda request: request.path.partition("?key=")[2]),
        ("bearer", lambda request: request.headers["authorization"].removeprefix("Bearer ")),
        (
            "command printf key+/=1234",
            lambda request: request.headers["authorization"].removeprefix("Bearer "),
        ),
    ],
)
async def test_ways_of_sending_a_key(
    how: str, where: object, server: ByteServer, transport: Transport
) -> None:
    assert callable(where)
    server.answer = lambda _: whole(completion("yes"))
    await ask(provider(server, transport, "key+/=1234", how=how), "whole")
    assert where(server.requests[0]) in ("key+/=1234", "key%2B%2F%3D1234")


@pytest.mark.parametrize("how", ["basic", "header", "query ", "command", "bearer token"])
def test_other_ways_are_refused(how: str) -> None:
    with pytest.raises(ConfigError, match="unknown auth"):
        Auth(how)


async def test_a_command_that_fails_is_an_auth_error(server: ByteServer, transport: Transport) -> None:
    with pytest.raises(ProviderAuth, match="auth command"):
        await ask(provider(server, transport, how="command false"), "whole")
    with pytest.raises(ProviderAuth, match="cannot be run"):
        await ask(provider(server, transport, how="command /no/such/program"), "whole")
    assert not server.requests
