"""Anthropic's published OpenAPI document judges what `/v1/messages` sends for every recorded answer of every wire."""

from typing import Any

import pytest
from tests.conformance.judging import judged, named
from tests.conformance.published import Document, anthropic
from tests.conformance.streams import data_of
from tests.conformance.wire_answers import Case, cases
from tests.support.rest import Rest

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
QUESTION = [{"role": "user", "content": "Say something."}]


@pytest.fixture(scope="module", autouse=True)
def document() -> Document:
    """Read before the server starts: it takes seconds, in which no connection would be answered."""
    return anthropic()


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_a_recorded_answer_as_a_message(q: Rest, case: Case) -> None:
    asked = {"model": named(case), "max_tokens": 100, "messages": QUESTION}
    whole = await q.post("/v1/messages", asked)
    assert (whole.status != 200) == (case.error is not None), whole.body
    judged(anthropic(), "ErrorResponse" if case.error else "Message", whole.body)
    streamed = await q.post("/v1/messages", asked | {"stream": True})
    if streamed.status != 200:
        judged(anthropic(), "ErrorResponse", streamed.body)
        return
    events = data_of(streamed.body)
    for event in events:
        judged(anthropic(), "ErrorResponse" if event["type"] == "error" else "MessageStreamEvent", event)
    assert (events[-1]["type"] == "error") == (case.error is not None)
    if case.error is None:
        tools = [block for block in whole["content"] if block["type"] == "tool_use"]
        assert [(one["id"], one["name"]) for one in begun(events) if one["type"] == "tool_use"] == [
            (one["id"], one["name"]) for one in tools
        ]


def begun(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks, numbered as they begin; each is ended, once."""
    starts = [event for event in events if event["type"] == "content_block_start"]
    stops = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert [event["index"] for event in starts] == list(range(len(starts))) == sorted(stops)
    return [event["content_block"] for event in starts]


@pytest.mark.parametrize(
    "body", [{}, {"model": "lab/a", "max_tokens": 5, "messages": QUESTION, "mcp_servers": []}]
)
async def test_refusals_and_counts(q: Rest, body: dict[str, Any]) -> None:
    judged(anthropic(), "ErrorResponse", (await q.post("/v1/messages", body)).body)
    counted = await q.post("/v1/messages/count_tokens", {"model": "lab/a", "messages": QUESTION})
    judged(anthropic(), "CountMessageTokensResponse", counted.body)
