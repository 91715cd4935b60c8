"""Every wire over a socket: what a vendor sends, whole or streamed, becomes the same answer or error."""

from collections.abc import Iterator

import pytest
from tests.conformance.wire_answers import Case, cases
from tests.integration.providers.byteserver import LAST, ByteServer, Step, chunk, head, whole

from quorum_mcp import errors
from quorum_mcp.answers import Answer, Delta, ReasoningDelta, TextDelta, ToolUseDelta
from quorum_mcp.codec import decode
from quorum_mcp.messages import Message, ModelRequest, Text, message
from quorum_mcp.providers.base import Timeouts
from quorum_mcp.providers.catalog import catalog
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.keys import Auth
from quorum_mcp.providers.transport import Transport
from quorum_mcp.providers.wires import WIRES, load_wire
from quorum_mcp.tasks import Embed

pytestmark = pytest.mark.anyio

CASES = cases()
REQUEST = ModelRequest("some-model", (message("user", "What is six times seven?"),))
TIMES = Timeouts(connect=2, first_byte=2, idle=2, total=4)


def texts(*given: str) -> ModelRequest:
    return ModelRequest("some-model", (Message("user", tuple(Text(one) for one in given)),), task=Embed())


def endpoint(server: ByteServer, transport: Transport, wire: str) -> Endpoint:
    codec = load_wire(wire, catalog().dialect(wire))
    return Endpoint("lab", codec, server.url, Auth(codec.auth, ("secret-key-1",)), transport)


def content_type(wire: str) -> str:
    return "application/x-ndjson" if wire == "ollama" else "text/event-stream; charset=utf-8"


def streamed(case: Case, size: int | None = None) -> Iterator[Step]:
    """The case's stream, in chunks of `size` bytes; None: one chunk an event."""
    yield head(content_type(case.wire))
    data = b"".join(case.stream)
    pieces = case.stream if size is None else [data[i : i + size] for i in range(0, len(data), size)]
    for piece in pieces:
        yield chunk(piece)
    yield LAST


async def collect(provider: Endpoint) -> tuple[Answer, list[Delta]]:
    items = [item async for item in provider.stream(REQUEST, TIMES)]
    answer = items.pop()
    assert isinstance(answer, Answer)
    return answer, [item for item in items if not isinstance(item, Answer)]


def check_error(case: Case, error: errors.QuorumError) -> None:
    assert type(error).__name__ == case.error
    assert (error.provider, error.model) == ("lab", "some-model")
    if case.retry_after is not None:
        assert error.retry_after == case.retry_after


def check_deltas(answer: Answer, deltas: list[Delta]) -> None:
    assert "".join(d.text for d in deltas if isinstance(d, TextDelta)) == answer.text
    assert "".join(d.text for d in deltas if isinstance(d, ReasoningDelta)) == answer.reasoning
    for index, call in enumerate(answer.tool_uses):
        mine = [d for d in deltas if isinstance(d, ToolUseDelta) and d.index == index]
        assert [(d.id, d.name) for d in mine if d.name] == [(call.id, call.name)]
        assert decode("".join(d.arguments for d in mine) or "{}") == decode(call.arguments)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_whole(case: Case, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(case.whole)
    provider = endpoint(server, transport, case.wire)
    if case.answer is not None:
        assert await provider.complete(REQUEST, TIMES) == case.answer
        return
    with pytest.raises(errors.QuorumError) as caught:
        await provider.complete(REQUEST, TIMES)
    check_error(case, caught.value)


@pytest.mark.parametrize("size", [None, 1, 7], ids=["by event", "by byte", "by 7 bytes"])
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_streamed(case: Case, size: int | None, server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: streamed(case, size)
    provider = endpoint(server, transport, case.wire)
    if case.answer is not None:
        answer, deltas = await collect(provider)
        assert answer == case.answer
        check_deltas(answer, deltas)
        return
    with pytest.raises(errors.QuorumError) as caught:
        await collect(provider)
    check_error(case, caught.value)


@pytest.mark.parametrize("case", [case for case in CASES if case.name == "text"], ids=str)
async def test_a_stream_cut_at_any_byte_is_no_answer(
    case: Case, server: ByteServer, transport: Transport
) -> None:
    """Wherever the connection ends before the end marker is whole: an error, never a shorter answer."""
    assert case.answer is not None
    data = b"".join(case.stream)
    provider = endpoint(server, transport, case.wire)
    # What follows the last piece that matters (an end marker, a counted usage) may be lost without harm.
    for size in range(0, len(data) - len(b"".join(case.stream[-3:])), 11):
        server.answer = lambda _, size=size: [
            head(content_type(case.wire)),
            chunk(data[:size]) if size else b"",
            LAST,
        ]
        with pytest.raises(errors.BadProviderAnswer):
            await collect(provider)


@pytest.mark.parametrize("wire", WIRES)
async def test_keys_travel_as_the_vendor_wants(wire: str, server: ByteServer, transport: Transport) -> None:
    case = next(case for case in CASES if case.wire == wire and case.answer is not None)
    server.answer = lambda _: whole(case.whole)
    await endpoint(server, transport, wire).complete(REQUEST, TIMES)
    headers = server.requests[0].headers
    named = {"anthropic": "x-api-key", "google": "x-goog-api-key"}.get(wire)
    if named is None:
        assert headers["authorization"] == "Bearer secret-key-1"
    else:
        assert headers[named] == "secret-key-1"
        assert "authorization" not in headers


@pytest.mark.parametrize(
    ("wire", "body", "vectors"),
    [
        (
            "openai",
            {
                "data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}],
                "model": "some-model",
                "usage": {"prompt_tokens": 2, "total_tokens": 2},
            },
            ((1, 2), (3, 4)),
        ),
        ("mistral", {"data": [{"embedding": [1, 2]}, {"embedding": [3, 4]}]}, ((1, 2), (3, 4))),
        ("google", {"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}]}, ((1, 2), (3, 4))),
        ("ollama", {"embeddings": [[1, 2], [3, 4]], "prompt_eval_count": 2}, ((1, 2), (3, 4))),
    ],
)
async def test_embeddings(
    wire: str, body: object, vectors: tuple[object, ...], server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole(body)
    provider = endpoint(server, transport, wire)
    assert (await provider.perform(texts("a", "b"), TIMES)).vectors == vectors
    with pytest.raises(errors.BadProviderAnswer, match="2 vectors for 3 texts"):
        await provider.perform(texts("a", "b", "c"), TIMES)


@pytest.mark.parametrize(
    ("wire", "body", "context"),
    [
        ("openai", {"object": "list", "data": [{"id": "m-1", "created": 5, "context_length": 9}]}, 9),
        (
            "anthropic",
            {"data": [{"id": "m-1", "display_name": "M", "max_input_tokens": 9}], "has_more": False},
            9,
        ),
        ("google", {"models": [{"name": "models/m-1", "displayName": "M", "inputTokenLimit": 9}]}, 9),
        ("mistral", {"data": [{"id": "m-1", "max_context_length": 9}]}, 9),
        ("ollama", {"models": [{"name": "m-1", "model": "m-1", "size": 1}]}, None),
    ],
)
async def test_lists_of_models(
    wire: str, body: object, context: int | None, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole(body)
    (model,) = await endpoint(server, transport, wire).models(TIMES)
    assert (model.id, model.context_window) == ("m-1", context)
