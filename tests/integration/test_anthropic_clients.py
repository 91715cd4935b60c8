"""Anthropic's own client against `/v1/messages`: whole, streamed, tools both ways, errors, other vendors' wires."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anthropic
import pytest
from anthropic import AsyncAnthropic
from tests.support.script import Say
from tests.support.server import scripted
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
QUESTION = [{"role": "user", "content": "What is 2 + 2?"}]
FOUR = "Two and two is four.\nCONCLUSION: 4"


@asynccontextmanager
async def asking(home: Path, **more: object) -> AsyncIterator[tuple[Upstream, AsyncAnthropic]]:
    async with scripted(home, **more) as (up, q), AsyncAnthropic(
        base_url=q.url, api_key="unused", max_retries=0
    ) as client:  # fmt: skip
        yield up, client


async def test_a_message_through_another_vendors_wire(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        answer = await client.messages.create(
            model="lab/a", max_tokens=100, system="Be brief.", messages=QUESTION, stop_sequences=["END"]
        )
        assert [block.text for block in answer.content] == [FOUR]
        assert (answer.stop_reason, answer.model, answer.role) == ("end_turn", "lab/a", "assistant")
        assert answer.usage.output_tokens == up.asked[0].output_tokens
        body = up.asked[0].body
        assert (body["max_tokens"], body["stop"]) == (100, ["END"])
        assert [m["role"] for m in body["messages"]] == ["system", "user"]


async def test_a_stream_adds_up_to_the_message(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", Say(FOUR, drip=0.001))
        async with client.messages.stream(model="lab/a", max_tokens=100, messages=QUESTION) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            final = await stream.get_final_message()
        assert text == FOUR
        assert [block.text for block in final.content] == [FOUR]
        assert final.usage.output_tokens == up.asked[0].output_tokens


async def test_tools_and_their_results_go_along(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        await client.messages.create(
            model="lab/a",
            max_tokens=100,
            tools=[{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
            tool_choice={"type": "tool", "name": "look", "disable_parallel_tool_use": True},
            messages=[
                *QUESTION,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {"at": 1}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "a cat"},
                    {"type": "text", "text": "And?"},
                ]},
            ],
        )  # fmt: skip
        body = up.asked[0].body
        assert [m["role"] for m in body["messages"]] == ["user", "assistant", "tool", "user"]
        assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at":1}'}
        assert body["tool_choice"] == {"type": "function", "function": {"name": "look"}}
        assert body["parallel_tool_calls"] is False


async def test_errors_are_in_anthropics_words(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        up.model("a", FOUR)
        with pytest.raises(anthropic.NotFoundError, match="lab/none|none"):
            await client.messages.create(model="lab/none", max_tokens=10, messages=QUESTION)
        with pytest.raises(anthropic.BadRequestError, match="top_k") as refused:
            await client.messages.create(
                model="lab/a", max_tokens=10, messages=QUESTION, extra_body={"top_k": 5}
            )
        assert refused.value.body["error"]["type"] == "invalid_request_error"
        with pytest.raises(anthropic.UnprocessableEntityError, match="max_tokens"):
            await client.messages.create(model="lab/a", messages=QUESTION, max_tokens=0)
        up.model("b", Say(FOUR, fail="cut"))
        with pytest.raises(anthropic.APIError):
            async with client.messages.stream(model="lab/b", max_tokens=100, messages=QUESTION) as stream:
                await stream.get_final_message()


async def test_without_a_key_both_dialects_say_so(tmp_path: Path) -> None:
    async with scripted(tmp_path, server={"port": 0}) as (up, q):
        up.model("a", FOUR)
        for path in ("/v1/messages", "/v1/chat/completions"):
            answer = await q.post(path, {}, headers={"x-forwarded-for": "10.0.0.1"})
            assert answer.status == 401
            assert answer.error["type"] == "authentication_error"
            assert ("request_id" in answer.body) == (path == "/v1/messages")


async def test_tokens_are_counted_here_where_the_provider_counts_none(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, client):
        counts = [
            await client.messages.count_tokens(model="lab/a", messages=QUESTION, **more)
            for more in (
                {},
                {"system": "Be brief, and say it in as few words as you can."},
                {"tools": [{"name": "look", "input_schema": {"type": "object"}}]},
            )
        ]
        assert 5 < counts[0].input_tokens < counts[1].input_tokens < counts[2].input_tokens
        assert counts[0].model_extra["quorum"] == {
            "call_id": counts[0].model_extra["quorum"]["call_id"], "cost": 0, "simulated": False, "warnings": [],
            "estimated": True,
        }  # fmt: skip
        assert not up.asked
        with pytest.raises(anthropic.UnprocessableEntityError, match="max_tokens"):
            await client.messages.count_tokens(model="lab/a", messages=QUESTION, extra_body={"max_tokens": 5})
