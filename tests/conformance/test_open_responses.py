"""The seven checks that Open Responses publishes for servers, written from their description.

Each sends one request of the specification; the answer must validate, be complete, and hold what was asked for. The
models here answer by what really reached them, so that a part that is lost on the way fails the check.
"""

from typing import Any

import pytest
from tests.conformance.judging import event_judged, ordered, response_judged
from tests.conformance.streams import data_of
from tests.support.rest import Rest
from tests.support.script import Asked
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a place, now",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
TOOLS = "openai/parallel-tools"
"""The model of a recorded answer that calls tools."""


@pytest.fixture(autouse=True)
def attentive(up: Upstream) -> None:
    up.model("attentive", _attentive)


def _attentive(asked: Asked) -> str:
    """Says what of the conversation it understood."""
    roles = [message["role"] for message in asked.messages]
    pirate = "Arr, ahoy! " if roles[0] == "system" and "pirate" in asked.messages[0]["content"] else ""
    image = "An image. " if "image_url" in str(asked.messages[-1]["content"]) else ""
    name = (
        "Alice. "
        if roles == ["user", "assistant", "user"] and "Alice" in asked.messages[0]["content"]
        else ""
    )
    return f"{pirate}{image}{name}Hello."


def said(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


async def whole(q: Rest, *items: Any, model: str = "lab/attentive", **more: Any) -> dict[str, Any]:
    """A whole response that validates and is complete."""
    answer = await q.post("/v1/responses", {"model": model, "input": items, "stream": False} | more)
    assert answer.status == 200, answer.body
    response_judged(answer.body)
    assert answer["status"] == "completed"
    assert answer["output"]
    return answer.body


async def streamed(q: Rest, *items: Any, model: str = "lab/attentive", **more: Any) -> list[dict[str, Any]]:
    """The events of a response, all of which validate; the last one holds the complete response."""
    answer = await q.post("/v1/responses", {"model": model, "input": items, "stream": True} | more)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream"), answer.body
    events = data_of(answer.body)
    for event in events:
        event_judged(event)
    ordered(events)
    assert events[-1]["type"] == "response.completed"
    response_judged(events[-1]["response"])
    return events


def text(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item["content"])


async def test_basic_response(q: Rest) -> None:
    assert text(await whole(q, said("user", "Greet me with three words."))) == "Hello."


async def test_streaming_response(q: Rest) -> None:
    events = await streamed(q, said("user", "Count to five."))
    pieces = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(pieces) == text(events[-1]["response"]) == "Hello."


async def test_system_prompt(q: Rest) -> None:
    asked = said("system", "Speak like a pirate, whatever you are asked."), said("user", "Greet me.")
    assert text(await whole(q, *asked)).startswith("Arr")


async def test_tool_calling(q: Rest) -> None:
    response = await whole(q, said("user", "How is the weather in Paris?"), model=TOOLS, tools=[WEATHER])
    calls = [item for item in response["output"] if item["type"] == "function_call"]
    assert calls
    assert all(call["call_id"] and call["arguments"].startswith("{") for call in calls)


async def test_tool_calling_streaming(q: Rest) -> None:
    events = await streamed(q, said("user", "How is the weather in Paris?"), model=TOOLS, tools=[WEATHER])
    kinds = {event["type"] for event in events}
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds
    for kind in ("response.output_item.added", "response.output_item.done"):
        assert any(e["type"] == kind and e["item"]["type"] == "function_call" for e in events)


async def test_image_input(q: Rest) -> None:
    parts = [
        {"type": "input_text", "text": "What is on this image?"},
        {"type": "input_image", "image_url": PIXEL},
    ]
    assert text(await whole(q, said("user", parts))).startswith("An image.")


async def test_multi_turn(q: Rest) -> None:
    told = said("user", "I am called Alice."), said("assistant", "Good morning, Alice.")
    assert text(await whole(q, *told, said("user", "What am I called?"))).startswith("Alice.")
