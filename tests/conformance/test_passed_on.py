"""A caller who speaks the provider's own API gets the provider's own bytes, where those are as its vendor publishes them."""

import pytest
from tests.conformance.judging import named
from tests.conformance.wire_answers import Case, cases
from tests.support.rest import Rest

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


async def test_anthropics_messages_pass_as_they_are(q: Rest) -> None:
    passed = 0
    for case in (one for one in cases() if one.wire == "anthropic" and one.error is None):
        asked = {
            "model": named(case),
            "max_tokens": 99,
            "messages": [{"role": "user", "content": "Say something."}],
        }
        passed += (await q.post("/v1/messages", asked)).raw == case.whole
    assert passed
