"""OpenAI's own client against `/v1`: chat, streams, tools, structured output, models, errors, panels as models."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, scripted, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
QUESTION = [{"role": "user", "content": "What is 2 + 2?"}]
FOUR = "Two and two is four.\nCONCLUSION: 4"


@asynccontextmanager
async def asking(home: Path, **more: object) -> AsyncIterator[tuple[Upstream, Rest, AsyncOpenAI]]:
    async with scripted(home, **more) as (up, q):
        client = AsyncOpenAI(base_url=f"{q.url}/v1", api_key="unused", max_retries=0)
        async with client:
            yield up, q, client


async def test_a_whole_answer_with_its_cost_and_record(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, q, client):
        up.model("a", FOUR)
        raw = await client.chat.completions.with_raw_response.create(model="lab/a", messages=QUESTION)
        answer = raw.parse()
        assert answer.choices[0].message.content == FOUR
        assert (answer.choices[0].finish_reason, answer.model) == ("stop", "a")
        used = up.asked[0]
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (
            used.input_tokens,
            used.output_tokens,
        )
        assert raw.headers["x-quorum-model"] == "lab/a"
        cost = (used.input_tokens * 1.0 + used.output_tokens * 2.0) / 1e6
        assert float(raw.headers["x-quorum-cost"]) == pytest.approx(cost)
        call = raw.headers["x-quorum-call"]
        assert (await q.get(f"/api/calls/{call}"))["surface"] == "openai"


async def test_a_provider_of_the_same_wire_gets_and_gives_bytes(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        asked = {
            "model": "lab/a", "n": 2, "logprobs": True, "top_logprobs": 3, "user": "u", "max_completion_tokens": 9,
            "messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}],
        }  # fmt: skip
        answer = await q.post("/v1/chat/completions", asked)
        assert answer.status == 200
        sent = up.asked[0].body
        assert sent.pop("max_tokens") == asked.pop("max_completion_tokens")
        assert sent == asked | {"model": "a"}
        assert answer.raw == up.wrote[0]
        streamed = await q.post(
            "/v1/chat/completions", asked | {"stream": True, "stream_options": {"include_usage": True}}
        )
        assert streamed.raw == b"".join(up.wrote[1:])
        record = await q.get(f"/api/calls/{answer.headers['x-quorum-call']}")
        assert record["output_tokens"] == up.asked[0].output_tokens


async def test_what_a_field_costs_has_to_be_known_where_a_budget_is_kept(tmp_path: Path) -> None:
    async with scripted(tmp_path) as (up, q):
        up.model("a", FOUR)
        body = {"model": "lab/a", "messages": QUESTION, "service_tier": "priority"}
        refused = await q.post("/v1/chat/completions", body)
        assert (refused.status, "service_tier" in refused.body["error"]["message"]) == (400, True)
        assert not up.asked


async def test_a_stream_is_the_same_text_and_ends_with_usage(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, _, client):
        up.model("a", Say(FOUR, drip=0.001))
        stream = await client.chat.completions.create(
            model="lab/a", messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == FOUR
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == up.asked[0].output_tokens
        assert len({c.id for c in chunks}) == 1


async def test_what_is_sent_reaches_the_provider(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, _, client):
        up.model("a", FOUR)
        await client.chat.completions.create(
            model="lab/a",
            messages=[
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
                ]},
                {"role": "assistant", "tool_calls": [
                    {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
                ]},
                {"role": "tool", "tool_call_id": "t1", "content": "a cat"},
            ],
            tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "strict": True}}],
            tool_choice="required", max_completion_tokens=50, temperature=0.5, top_p=0.9, stop=["END"], seed=7,
            presence_penalty=0.5, user="u1",
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}},
        )  # fmt: skip
        body = up.asked[0].body
        assert [m["role"] for m in body["messages"]] == ["developer", "user", "assistant", "tool"]
        assert body["messages"][1]["content"][1]["image_url"] == {
            "url": "data:image/png;base64,aGk=",
            "detail": "low",
        }
        assert body["messages"][1]["content"][2]["input_audio"] == {"data": "aGk=", "format": "mp3"}
        assert body["messages"][3] == {"role": "tool", "tool_call_id": "t1", "content": "a cat"}
        assert body["tools"][0]["function"]["strict"] is True
        expected = {"tool_choice": "required", "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "seed": 7}
        assert {name: body[name] for name in expected} == expected
        assert (body["presence_penalty"], body["user"], body["max_tokens"]) == (0.5, "u1", 50)
        assert body["response_format"]["json_schema"]["name"] == "x"


def sound(form: str, data: str) -> list[dict[str, object]]:
    part = {"type": "input_audio", "input_audio": {"data": data, "format": form}}
    return [{"role": "user", "content": [part]}]


@pytest.mark.parametrize(
    ("more", "kind", "says"),
    [
        ({"n": 0}, openai.UnprocessableEntityError, "n must be"),
        ({"extra_body": {"service_tier": "priority"}}, openai.BadRequestError, "service_tier"),
        ({"model": "lab/none"}, openai.NotFoundError, "lab/none|none"),
        ({"model": "quorum/fast"}, openai.NotFoundError, "quorum/"),
        ({"messages": []}, openai.UnprocessableEntityError, "messages"),
        ({"messages": sound("wav", "!")}, openai.UnprocessableEntityError, "base64"),
        ({"messages": [{"role": "nobody", "content": "?"}]}, openai.UnprocessableEntityError, "role"),
        ({"extra_headers": {"x-quorum-max-cost": "nan"}}, openai.UnprocessableEntityError, "x-quorum-max-cost"),
        ({"extra_headers": {"x-quorum-max-cost": "0.0000001"}}, openai.APIStatusError, "max_cost"),
    ],
)  # fmt: skip
async def test_refusals_name_what_is_wrong(
    tmp_path: Path, more: dict[str, object], kind: type[Exception], says: str
) -> None:
    async with asking(tmp_path) as (up, _, client):
        up.model("a", FOUR)
        with pytest.raises(kind, match=says) as refused:
            await client.chat.completions.create(**{"model": "lab/a", "messages": QUESTION} | more)
        assert refused.value.body["code"]
        assert not up.asked or "none" in says


async def test_a_providers_failure_has_a_status_before_the_first_token(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, _, client):
        up.model("a", Say(fail="limit", retry_after=60))
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(
                model="lab/a", messages=QUESTION, stream=True, extra_headers={"x-quorum-timeout": "2"}
            )
        assert refused.value.status_code == 502
        up.model("b", Say(FOUR, fail="cut"))
        stream = await client.chat.completions.create(model="lab/b", messages=QUESTION, stream=True)
        with pytest.raises(openai.APIError):
            _ = [chunk async for chunk in stream]


async def test_a_caller_that_goes_away_stops_the_call(tmp_path: Path) -> None:
    async with asking(tmp_path) as (up, _, client):
        up.model("a", Say(FOUR * 20, hold_after="never"))
        stream = await client.chat.completions.create(model="lab/a", messages=QUESTION, stream=True)
        async for _chunk in stream:
            break
        await stream.close()
        await up.until(lambda: not up.open, 2.0)


async def test_models_lists_what_may_be_named(tmp_path: Path) -> None:
    async with asking(tmp_path, panels={"two": ["lab/a", "lab/b"]}) as (up, _, client):
        up.model("a", FOUR)
        names = {model.id async for model in client.models.list()}
        assert {"quorum/quick", "quorum/full", "quorum/devils-advocate", "quorum/panel:two"} <= names
        assert (await client.models.retrieve("quorum/quick")).owned_by == "quorum"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("lab/none")


async def test_a_panel_is_a_model(tmp_path: Path) -> None:
    async with asking(tmp_path, panels={"two": ["lab/a", "lab/b"]}) as (up, q, client):
        up.model("a", FOUR)
        up.model("b", FOUR)
        stream = await client.chat.completions.create(
            model="quorum/panel:two", messages=QUESTION, stream=True
        )
        chunks = [chunk async for chunk in stream]
        thinking = "".join(
            (c.choices[0].delta.model_extra or {}).get("reasoning_content", "") for c in chunks
        )
        assert "lab/a" in thinking or "a" in thinking
        said = chunks[-1].model_extra["quorum"]
        assert (said["agreement"], said["conclusion"], said["calls"]) == ("agree", "4", 2)
        assert "".join(c.choices[0].delta.content or "" for c in chunks).startswith("Two and two")
        session = await q.session_of(said["session_id"])
        assert session["status"] == "completed"
        assert said["cost"] == pytest.approx(session["total_cost"])
        with pytest.raises(openai.BadRequestError, match="tools"):
            await client.chat.completions.create(
                model="quorum/quick", messages=QUESTION,
                tools=[{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
            )  # fmt: skip


async def test_embeddings_in_both_forms(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, q, client):
        made = await client.embeddings.create(model="lab/e", input=["one", "three"], encoding_format="float")
        assert [row.embedding for row in made.data] == [[3.0, 0.5], [5.0, 0.5]]
        assert made.usage.prompt_tokens == 2
        packed = await client.embeddings.create(model="lab/e", input="three")  # base64, unless told otherwise
        assert packed.data[0].embedding == [5.0, 0.5]
        call = await q.get(f"/api/calls/{made.model_extra['quorum']['call_id']}")
        assert (call["input_tokens"], call["cost"]) == (2, pytest.approx(2e-6))
        with pytest.raises(openai.UnprocessableEntityError, match="input"):
            await client.embeddings.create(model="lab/e", input=[])


@pytest.mark.parametrize("stream", [False, True])
async def test_text_completions(tmp_path: Path, stream: bool) -> None:
    async with asking(tmp_path) as (up, q, client):
        up.model("a", Say(FOUR, drip=0.001, piece=5))
        asked = await client.completions.create(
            model="lab/a", prompt="Two and two is", max_tokens=50, stop=["END"], seed=7, presence_penalty=0.5,
            user="u1", stream=stream, **({"stream_options": {"include_usage": True}} if stream else {}),
        )  # fmt: skip
        parts = [part async for part in asked] if stream else [asked]
        assert "".join(part.choices[0].text for part in parts if part.choices) == FOUR
        assert [part.choices[0].finish_reason for part in parts if part.choices][-1] == "stop"
        assert len(parts) > 3 or not stream
        assert (parts[-1].usage.completion_tokens, parts[-1].model) == (up.asked[0].output_tokens, "lab/a")
        body = up.asked[0].body
        assert body["messages"] == [{"role": "user", "content": "Two and two is"}]
        assert (body["max_tokens"], body["stop"], body["seed"], body["user"]) == (50, ["END"], 7, "u1")
        assert (await q.get("/api/calls?limit=1"))["calls"][0]["surface"] == "openai"


@pytest.mark.parametrize(
    "more",
    [{"suffix": "."}, {"echo": True}, {"logprobs": 1}, {"n": 2}, {"best_of": 2}, {"prompt": ["a", "b"]},
     {"prompt": [1, 2]}, {"prompt": ""}],
    ids=lambda more: str(*more),
)  # fmt: skip
async def test_text_completions_refuse_by_name(tmp_path: Path, more: dict[str, object]) -> None:
    async with asking(tmp_path) as (up, _, client):
        with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError), match=next(iter(more))):
            await client.completions.create(**{"model": "lab/a", "prompt": "Two"} | more)
        assert not up.asked


async def test_discover_asks_the_providers(tmp_path: Path) -> None:
    more = {"providers": {"gone": {"wire": "openai", "base_url": "http://127.0.0.1:9/v1"}}}
    async with upstream() as up:
        given = config(up.url)
        given["providers"] |= more["providers"]
        async with serving(tmp_path, given) as q:
            before = await q.get("/v1/models/discover")
            up.model("new", FOUR)
            after = await q.post("/v1/models/discover")
            names = [{row["id"] for row in found["data"]} for found in (before, after)]
            assert "lab/new" in names[1] - names[0]
            assert "cannot reach" in after["quorum"]["errors"]["gone"]
            assert "lab/new" in {row["id"] for row in (await q.get("/v1/models"))["data"]}
