"""OpenAI's own client against `/v1/responses`: whole, streamed, going on, functions, stored ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from tests.support.script import Say
from tests.support.server import scripted
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
FOUR = "Two and two is four.\nCONCLUSION: 4"
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}


@asynccontextmanager
async def asking(home: Path, **more: Any) -> AsyncIterator[tuple[Upstream, AsyncOpenAI]]:
    async with scripted(home, **more) as (up, q), AsyncOpenAI(
        base_url=f"{q.url}/v1", api_key="unused", max_retries=0
    ) as client:  # fmt: skip
        yield up, client


async def test_a_whole_response(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        answer = await client.responses.create(
            model="lab/a", input="What is 2 + 2?", instructions="Be brief.", max_output_tokens=50,
            text={"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}},
        )  # fmt: skip
        assert (answer.output_text, answer.status, answer.model) == (FOUR, "completed", "lab/a")
        assert answer.usage is not None
        assert answer.usage.output_tokens == up.asked[0].output_tokens
        body = up.asked[0].body
        assert [m["role"] for m in body["messages"]] == ["system", "user"]
        assert (body["max_tokens"], body["response_format"]["json_schema"]["name"]) == (50, "x")


async def test_a_stream_has_every_event_in_order(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", Say(FOUR, drip=0.001, piece=5))
        events = [e async for e in await client.responses.create(model="lab/a", input="2 + 2?", stream=True)]
        kinds = [event.type for event in events]
        assert kinds[:4] == [
            "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        ]  # fmt: skip
        assert kinds[-4:] == [
            "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.completed",
        ]  # fmt: skip
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == FOUR
        last = events[-1].response
        assert last.output_text == FOUR
        assert last.output[0].id == events[2].item.id
        assert (await client.responses.retrieve(last.id)).output_text == FOUR
        async with client.responses.stream(model="lab/a", input="2 + 2?") as stream:
            assert (await stream.get_final_response()).output_text == FOUR


async def test_one_goes_on_from_another(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        first = await client.responses.create(model="lab/a", input="What is 2 + 2?", instructions="Be brief.")
        second = await client.responses.create(model="lab/a", input="Sure?", previous_response_id=first.id)
        third = await client.responses.create(
            model="lab/a", input="Really?", previous_response_id=second.id, store=False
        )
        said = [(m["role"], m["content"]) for m in up.asked[2].body["messages"]]
        assert said == [
            ("user", "What is 2 + 2?"), ("assistant", FOUR), ("user", "Sure?"), ("assistant", FOUR), ("user", "Really?"),
        ]  # fmt: skip
        listed = await client.responses.input_items.list(second.id)
        assert [part.text for item in listed.data for part in item.content] == ["Sure?"]
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(third.id)
        await client.responses.delete(first.id)
        with pytest.raises(openai.NotFoundError, match=first.id):
            await client.responses.create(model="lab/a", input="?", previous_response_id=second.id)
        assert up.count("a") == 3


async def test_functions_go_both_ways(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        await client.responses.create(
            model="lab/a",
            tools=[LOOK],
            tool_choice={"type": "function", "name": "look"},
            input=[
                {"role": "user", "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
                ]},
                {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": 1}'},
                {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
                {"type": "function_call_output", "call_id": "c2", "output": "a dog"},
            ],
        )  # fmt: skip
        body = up.asked[0].body
        assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool", "tool"]
        assert [c["id"] for c in body["messages"][1]["tool_calls"]] == ["c1", "c2"]
        assert body["tool_choice"]["function"]["name"] == "look"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"tools": [{"type": "file_search"}]}, "file_search"),
        ({"tools": [{"type": "web_search"}]}, "web search"),
        ({"background": True, "store": False}, "background"),
        ({"background": True, "stream": True}, "stream"),
        ({"input": [{"type": "item_reference", "id": "msg_x_0"}]}, "msg_x_0"),
        ({"extra_body": {"conversation": "c"}}, "conversation"),
        ({"previous_response_id": "resp_none"}, "resp_none"),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        with pytest.raises(openai.APIStatusError, match=says):
            await client.responses.create(**{"model": "lab/a", "input": "What is 2 + 2?"} | more)
        assert not up.asked


async def test_a_stream_that_breaks_says_so(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", Say(FOUR, fail="cut"))
        events = [e async for e in await client.responses.create(model="lab/a", input="2 + 2?", stream=True)]
        assert events[-1].type == "response.failed"
        assert events[-1].response.error is not None
