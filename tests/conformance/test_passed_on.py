"""A caller who speaks the provider's own API gets the provider's own bytes, where those are as its vendor publishes them."""

import pytest
from tests.conformance.judging import judged, named
from tests.conformance.published import anthropic
from tests.conformance.wire_answers import Case, cases
from tests.support.rest import Rest

from quorum_mcp.codec import encode
from quorum_mcp.messages import ModelRequest, Native
from quorum_mcp.providers.native.anthropic import AnthropicNative
from quorum_mcp.providers.wire import Dialect

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
ROUTES = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}
USAGE = {"openai": {"stream_options": {"include_usage": True}}, "anthropic": {}}
DONE = b"data: [DONE]"


@pytest.mark.parametrize("case", [one for one in cases() if one.wire in ROUTES], ids=str)
async def test_bytes_are_those_of_the_provider_or_translated(q: Rest, case: Case) -> None:
    asked = {
        "model": named(case),
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "Say something."}],
    }
    whole = await q.post(ROUTES[case.wire], asked)
    if whole.status == 200 and "quorum" not in whole.body:
        assert whole.raw == case.whole
    streamed = await q.post(ROUTES[case.wire], asked | {"stream": True} | USAGE[case.wire])
    if streamed.status == 200 and case.error is None and b'"quorum"' not in streamed.raw:
        sent = b"".join(case.stream).replace(b"\r\n", b"\n").rstrip(b"\n").removesuffix(DONE).rstrip(b"\n")
        assert streamed.raw.rstrip(b"\n").removesuffix(DONE).rstrip(b"\n") == sent


USED = {
    "input_tokens": 15, "output_tokens": 7, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1,
    "cache_creation": None, "output_tokens_details": None, "server_tool_use": None, "service_tier": "standard",
    "inference_geo": None,
}  # fmt: skip
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": None,
    "stop_details": None, "container": None, "usage": USED,
    "content": [{"type": "text", "text": "Hello.", "citations": None}],
}  # fmt: skip


def test_a_message_as_anthropic_publishes_it_is_looked_at_and_passed() -> None:
    judged(anthropic(), "Message", MESSAGE)
    codec = AnthropicNative(Dialect())
    body = encode(MESSAGE)
    answer = codec.whole(body)
    assert (answer.raw, answer.text, answer.stop) == (body, "Hello.", "stop")
    assert (answer.usage.input, answer.usage.output, answer.usage.cached) == (20, 7, 4)
    events = [
        {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]
    sent = b"".join(b"event: %b\ndata: %b\n\n" % (str(one["type"]).encode(), encode(one)) for one in events)
    look = codec.stream(Native("anthropic", {}, 0, lambda: ModelRequest("", ())))
    pieces = [look.feed(sent[at : at + 50]) for at in range(0, len(sent), 50)]
    assert b"".join(one.data for one in pieces if one is not None) == sent
    assert "".join(one.text for one in pieces if one is not None) == "Hello."
    assert (look.ended, look.finish().usage.output, look.finish().text) == (True, 9, "Hello.")
