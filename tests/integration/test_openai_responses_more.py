"""What OpenAI's own client does with responses besides asking: parses, runs functions, sends items back."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel
from tests.conformance.replay import providers, replaying
from tests.support.rest import Rest
from tests.support.script import Asked, Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
World = tuple[Upstream, Rest, AsyncOpenAI]
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}, "strict": False}
SEALED = ["reasoning.encrypted_content"]


class City(BaseModel):
    name: str
    degrees: int


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with replaying() as recorded, upstream() as up:
        given = config(up.url)
        given["providers"] |= providers(recorded)
        async with (
            serving(tmp_path_factory.mktemp("responses"), given) as q,
            AsyncOpenAI(base_url=f"{q.url}/v1", api_key="none", max_retries=0) as client,
        ):
            yield up, q, client


async def test_structured_output_is_parsed_whole_and_streamed(world: World) -> None:
    up, _, client = world
    up.model("json", '{"name": "Paris", "degrees": 20}')
    parsed = await client.responses.parse(model="lab/json", input="How warm is Paris?", text_format=City)
    assert parsed.output_parsed == City(name="Paris", degrees=20)
    wanted = up.of("json")[-1].body["response_format"]["json_schema"]
    assert (wanted["strict"], wanted["schema"]["required"]) == (True, ["name", "degrees"])
    async with client.responses.stream(model="lab/json", input="How warm?", text_format=City) as stream:
        async for _ in stream:
            pass
        assert (await stream.get_final_response()).output_parsed == City(name="Paris", degrees=20)


async def test_a_function_is_called_and_its_result_goes_back(world: World) -> None:
    up, _, client = world
    up.model("caller", _caller)
    tools = [openai.pydantic_function_tool(City, name="look")]
    flat = [{"type": "function", **tool["function"]} for tool in tools]
    first = await client.responses.parse(model="lab/caller", input="How warm is Paris?", tools=flat)
    (call,) = [item for item in first.output if item.type == "function_call"]
    assert json.loads(call.arguments) == {"name": "Paris", "degrees": 0}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "20 degrees"}
    second = await client.responses.create(
        model="lab/caller", previous_response_id=first.id, input=[result], tools=flat
    )
    assert second.output_text == "20 degrees, says the tool."
    by_hand = await client.responses.create(
        model="lab/caller", store=False, tools=flat,
        input=[{"role": "user", "content": "How warm is Paris?"}, *first.output, result],
    )  # fmt: skip
    assert by_hand.output_text == second.output_text


def _caller(asked: Asked) -> Say:
    if asked.messages[-1]["role"] == "tool":
        return Say(f"{asked.messages[-1]['content']}, says the tool.")
    return Say(tools=(("look", '{"name": "Paris", "degrees": 0}'),))


async def test_only_the_allowed_functions_are_offered(world: World) -> None:
    up, _, client = world
    up.model("a", "Four.")
    only = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "look"}]}
    answer = await client.responses.create(
        model="lab/a", input="?", tools=[LOOK, LOOK | {"name": "touch"}], tool_choice=only
    )
    body = up.of("a")[-1].body
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look"]
    assert body["tool_choice"] == "required"
    assert [tool.name for tool in answer.tools] == ["look", "touch"]
    assert answer.tool_choice.mode == "required"


@pytest.mark.parametrize("stream", [False, True])
async def test_reasoning_goes_back_under_its_providers_seal(world: World, stream: bool) -> None:
    _, q, client = world
    model = "anthropic/thinking-with-its-signature-and-sealed-thinking"
    asked: dict[str, Any] = {"model": model, "input": "Think.", "store": False, "include": SEALED}
    if stream:
        async with client.responses.stream(**asked) as events:
            async for _ in events:
                pass
            answer = await events.get_final_response()
    else:
        answer = await client.responses.create(**asked)
    thought = [item for item in answer.output if item.type == "reasoning"]
    seal = json.loads(base64.urlsafe_b64decode(thought[0].encrypted_content))
    assert seal["signature"]
    again = [*(item.to_dict() for item in answer.output), {"role": "user", "content": "Sure?"}]
    assert (await client.responses.create(**asked | {"input": again})).status == "completed"
    bare = [
        {**item, "encrypted_content": None} if item.get("type") == "reasoning" else item for item in again
    ]
    with pytest.raises(openai.BadRequestError, match="signature"):
        await client.responses.create(**asked | {"input": bare})
    broken = [
        {**item, "encrypted_content": "x"} if item.get("type") == "reasoning" else item for item in again
    ]
    with pytest.raises(openai.UnprocessableEntityError, match="encrypted_content"):
        await client.responses.create(**asked | {"input": broken})


async def test_a_stored_response_keeps_the_seal_and_shows_it_when_asked(world: World) -> None:
    _, _, client = world
    model = "anthropic/thinking-with-its-signature-and-sealed-thinking"
    answer = await client.responses.create(model=model, input="Think.")
    assert "encrypted_content" not in answer.output[0].to_dict()
    shown = await client.responses.retrieve(answer.id, include=SEALED)
    assert shown.output[0].encrypted_content
    assert "encrypted_content" not in (await client.responses.retrieve(answer.id)).output[0].to_dict()
    more = await client.responses.create(model=model, input="Sure?", previous_response_id=answer.id)
    assert more.previous_response_id == answer.id
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        await client.responses.retrieve(answer.id, include=["message.output_text.logprobs"])


@pytest.mark.parametrize("stream", [False, True])
async def test_an_item_may_be_named_instead_of_sent(world: World, stream: bool) -> None:
    up, _, client = world
    up.model("a", "Four.")
    first = await client.responses.create(model="lab/a", input="What is 2 + 2?", stream=stream)
    if stream:
        first = [event async for event in first][-1].response
    named = {"type": "item_reference", "id": first.output[0].id}
    asked = [{"role": "user", "content": "What is 2 + 2?"}, named, {"role": "user", "content": "Sure?"}]
    second = await client.responses.create(model="lab/a", input=asked)
    said = [(m["role"], m["content"]) for m in up.of("a")[-1].body["messages"]]
    assert said == [("user", "What is 2 + 2?"), ("assistant", "Four."), ("user", "Sure?")]
    items = [item async for item in client.responses.input_items.list(second.id, order="asc")]
    assert [item.role for item in items] == ["user", "assistant", "user"]


async def test_input_items_come_in_pages(world: World) -> None:
    up, _, client = world
    up.model("a", "Four.")
    asked = [{"role": "user", "content": f"number {n}"} for n in range(25)]
    made = await client.responses.create(model="lab/a", input=asked)
    first = await client.responses.input_items.list(made.id)
    assert (len(first.data), first.has_next_page()) == (20, True)
    every = [item.content[0].text async for item in client.responses.input_items.list(made.id, limit=7)]
    assert every == [f"number {n}" for n in reversed(range(25))]
    with pytest.raises(openai.UnprocessableEntityError, match="limit"):
        await client.responses.input_items.list(made.id, limit=0)


async def test_a_finished_response_cannot_be_cancelled(world: World) -> None:
    up, _, client = world
    up.model("a", "Four.")
    made = await client.responses.create(model="lab/a", input="?")
    with pytest.raises(openai.BadRequestError, match="finished"):
        await client.responses.cancel(made.id)
    with pytest.raises(openai.NotFoundError, match="resp_none"):
        await client.responses.cancel("resp_none")


async def test_tokens_of_an_input_are_counted(world: World) -> None:
    up, _, client = world
    up.model("a", "Four.")
    before = up.count()
    short = await client.responses.input_tokens.count(model="lab/a", input="What is 2 + 2?")
    tools = await client.responses.input_tokens.count(
        model="lab/a", input="What is 2 + 2?", instructions="Be brief.", tools=[LOOK]
    )
    assert (short.object, up.count()) == ("response.input_tokens", before)
    assert 0 < short.input_tokens < tools.input_tokens
    first = await client.responses.create(model="lab/a", input="What is 2 + 2?" * 20)
    going_on = await client.responses.input_tokens.count(
        model="lab/a", input="Sure?", previous_response_id=first.id
    )
    assert going_on.input_tokens > 5 * short.input_tokens
    with pytest.raises(openai.UnprocessableEntityError, match="max_output_tokens"):
        await client.responses.input_tokens.count(
            model="lab/a", input="?", extra_body={"max_output_tokens": 5}
        )
