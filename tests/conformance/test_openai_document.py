"""OpenAI's published OpenAPI document and the specification of Open Responses judge what we send.

Every recorded answer of every wire is asked for through chat completions and through responses, whole and streamed;
then what one recorded answer cannot show: stored responses, embeddings, models, refusals.
"""

import asyncio
from typing import Any

import aiohttp
import pytest
from tests.conformance.judging import event_judged, judged, named, ordered, response_judged
from tests.conformance.published import open_responses, openai
from tests.conformance.streams import data_of
from tests.conformance.wire_answers import Case, cases
from tests.support.media import wav
from tests.support.rest import Answer, Rest
from tests.support.script import Say
from tests.support.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_a_recorded_answer_as_a_chat_completion(q: Rest, case: Case) -> None:
    asked = {"model": named(case), "messages": [{"role": "user", "content": "Say something."}]}
    whole = await q.post("/v1/chat/completions", asked)
    if refused(whole, case):
        return
    judged(openai(), "CreateChatCompletionResponse", whole.body)
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    streamed = await q.post("/v1/chat/completions", asked | usage)
    chunks = data_of(streamed.body)
    assert chunks.pop() == "[DONE]"
    for chunk in chunks:
        judged(openai(), "CreateChatCompletionStreamResponse", chunk)
    if case.wire != "openai":  # those are passed on as they are, with the vendor's own way to count
        assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]


@pytest.mark.parametrize("case", cases(), ids=str)
async def test_a_recorded_answer_as_a_response(q: Rest, case: Case) -> None:
    asked = {"model": named(case), "input": "Say something.", "include": ["reasoning.encrypted_content"]}
    whole = await q.post("/v1/responses", asked)
    if refused(whole, case):
        return
    response_judged(whole.body)
    response_judged((await q.get(f"/v1/responses/{whole['id']}")).body)
    events = data_of((await q.post("/v1/responses", asked | {"stream": True})).body)
    for event in events:
        event_judged(event)
    ordered(events)
    last = events[-1]["response"]
    assert last["status"] == whole["status"]
    stored = (await q.get(f"/v1/responses/{last['id']}?include[]=reasoning.encrypted_content")).body
    assert stored == last
    assert [item["type"] for item in last["output"] if item["type"] == "function_call"] == [
        item["type"] for item in whole["output"] if item["type"] == "function_call"
    ]


def refused(whole: Answer, case: Case) -> bool:
    """Whether the call failed, as its record says it must; the error is judged."""
    assert (whole.status != 200) == (case.error is not None), whole.body
    if whole.status != 200:
        judged(openai(), "ErrorResponse", whole.body)
    return whole.status != 200


async def test_a_stream_that_fails_before_its_first_piece_and_after(q: Rest) -> None:
    seen = set[str]()
    for case in (case for case in cases() if case.error is not None):
        for path, more in (
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": "?"}]}),
            ("/v1/responses", {"input": "?"}),
        ):
            answer = await q.post(path, {"model": named(case), "stream": True} | more)
            if answer.status != 200:
                judged(openai(), "ErrorResponse", answer.body)
                continue
            *_, last = data_of(answer.body)
            if path == "/v1/responses":
                event_judged(last)
                assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
            else:
                judged(openai(), "ErrorResponse", last)
            seen.add(path)
    assert seen == {"/v1/chat/completions", "/v1/responses"}


@pytest.mark.parametrize(
    "more",
    [
        {"instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5, "top_p": 0.9, "user": "u"},
        {"tools": [LOOK, LOOK | {"name": "see", "strict": True, "description": "Sees."}], "tool_choice": "auto"},
        {"tools": [LOOK], "tool_choice": {"type": "function", "name": "look"}, "parallel_tool_calls": False},
        {"tools": [LOOK], "tool_choice": {
            "type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]
        }},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}}},
        {"text": {"format": {"type": "json_object"}, "verbosity": "low"}},
        {"reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 3, "prompt_cache_key": "k"},
        {"model": "quorum/panel:two"},
    ],
    ids=lambda more: ",".join(more),
)  # fmt: skip
async def test_what_was_asked_is_echoed_validly(q: Rest, more: dict[str, Any]) -> None:
    asked = {"model": "lab/a", "input": "What is 2 + 2?"} | more
    whole = await q.post("/v1/responses", asked)
    assert whole.status == 200, whole.body
    response_judged(whole.body)
    events = data_of((await q.post("/v1/responses", asked | {"stream": True})).body)
    for event in events:
        event_judged(event)
    ordered(events)


async def test_input_items_in_every_form(q: Rest) -> None:
    given = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
        ]},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
        {"type": "message", "role": "assistant", "content": "A cat."},
        {"role": "user", "content": "Sure?"},
    ]  # fmt: skip
    made = await q.post("/v1/responses", {"model": "lab/a", "input": given, "tools": [LOOK]})
    assert made.status == 200, made.body
    first = await q.get(f"/v1/responses/{made['id']}/input_items?limit=4")
    judged(openai(), "ResponseItemList", first.body)
    others = await q.get(f"/v1/responses/{made['id']}/input_items?limit=4&after={first['last_id']}")
    judged(openai(), "ResponseItemList", others.body)
    assert (len(first["data"]), first["has_more"], len(others["data"]), others["has_more"]) == (
        4,
        True,
        2,
        False,
    )
    assert first["data"][0]["content"] == [{"type": "input_text", "text": "Sure?"}]


async def test_embeddings_and_models(q: Rest) -> None:
    for form in ("float", "base64"):
        made = await q.post(
            "/v1/embeddings", {"model": "lab/e", "input": ["one", "two"], "encoding_format": form}
        )
        assert made.status == 200, made.body
        if form == "float":  # the document knows numbers only, though the service sends either
            judged(openai(), "CreateEmbeddingResponse", made.body)
    listed = await q.get("/v1/models")
    judged(openai(), "ListModelsResponse", listed.body)
    judged(openai(), "Model", (await q.get("/v1/models/quorum/quick")).body)


async def test_a_response_in_the_background(q: Rest, up: Upstream) -> None:
    up.model("held", Say("Four.", hold="background"))
    asked = {"model": "lab/held", "input": "?", "background": True}
    begun, other = [(await q.post("/v1/responses", asked)).body for _ in range(2)]
    cancelled = (await q.post(f"/v1/responses/{other['id']}/cancel")).body
    under_way = (await q.get(f"/v1/responses/{begun['id']}")).body
    up.release("background")
    done = await ended(q, begun["id"])
    failing = (await q.post("/v1/responses", asked | {"model": "lab/none"})).body
    failed = await ended(q, failing["id"])
    for body, status in (
        (begun, "queued"), (cancelled, "cancelled"), (under_way, "in_progress"), (done, "completed"), (failed, "failed"),
    ):  # fmt: skip
        response_judged(body)
        assert (body["status"], body["background"]) == (status, True)


async def ended(q: Rest, name: str) -> dict[str, Any]:
    """The response once it is under way no more."""
    for _ in range(200):
        body = (await q.get(f"/v1/responses/{name}")).body
        if body["status"] != "in_progress":
            return body
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} does not end")


async def test_logprobs_come_as_the_provider_gave_them(q: Rest) -> None:
    asked = {"model": "openai/text-with-the-logarithms-of-its-tokens", "logprobs": True, "top_logprobs": 1}
    asked |= {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    whole = await q.post("/v1/chat/completions", asked)
    assert whole.status == 200, whole.body
    judged(openai(), "CreateChatCompletionResponse", whole.body)
    (told,) = whole["choices"][0]["logprobs"]["content"]
    assert (told["token"], told["logprob"]) == ("Four", -0.25)
    *chunks, _ = data_of((await q.post("/v1/chat/completions", asked | {"stream": True})).body)
    for chunk in chunks:
        judged(openai(), "CreateChatCompletionStreamResponse", chunk)
    tokens = [
        one
        for chunk in chunks
        for choice in chunk["choices"]
        for one in (choice["logprobs"] or {}).get("content") or ()
    ]
    assert [one["token"] for one in tokens] == ["Four"]


async def test_a_count_of_tokens(q: Rest) -> None:
    counted = await q.post("/v1/responses/input_tokens", {"model": "lab/a", "input": "What is 2 + 2?"})
    assert counted.status == 200, counted.body
    judged(openai(), "TokenCountsResource", counted.body)


async def test_text_completions(q: Rest) -> None:
    asked = {"model": "lab/a", "prompt": "What is 2 + 2?", "max_tokens": 50}
    whole = await q.post("/v1/completions", asked)
    assert whole.status == 200, whole.body
    judged(openai(), "CreateCompletionResponse", whole.body)
    streamed = await q.post(
        "/v1/completions", asked | {"stream": True, "stream_options": {"include_usage": True}}
    )
    *chunks, end = data_of(streamed.body)
    assert end == "[DONE]"
    assert "".join(one["text"] for chunk in chunks for one in chunk["choices"]) == whole["choices"][0]["text"]
    for chunk in chunks:  # the schema is that of the whole: it knows no choice that goes on
        rows = [one | {"finish_reason": one["finish_reason"] or "stop"} for one in chunk["choices"]]
        judged(openai(), "CreateCompletionResponse", chunk | {"choices": rows})


async def test_images_moderations_and_transcriptions(q: Rest) -> None:
    for more in ({}, {"response_format": "url"}):
        made = await q.post(
            "/v1/images/generations", {"model": "lab/painter", "prompt": "a cat", "n": 2} | more
        )
        assert made.status == 200, made.body
        judged(openai(), "ImagesResponse", made.body)
    asked = await q.post("/v1/moderations", {"model": "lab/guard", "input": ["kind words", "bad words"]})
    assert asked.status == 200, asked.body
    judged(openai(), "CreateModerationResponse", asked.body)
    form = aiohttp.FormData({"model": "lab/listener"})
    form.add_field("file", wav(1.0), filename="a.wav")
    heard = await q.request("POST", "/v1/audio/transcriptions", data=form)
    assert heard.status == 200, heard.body
    judged(openai(), "CreateTranscriptionResponseJson", heard.body)


async def test_images_speech_and_transcriptions_as_streams(q: Rest) -> None:
    drawn = await q.post(
        "/v1/images/generations", {"model": "lab/painter", "prompt": "a cat", "stream": True}
    )
    all_judged("ImageGenStreamEvent", drawn, ["image_generation.completed"])
    asked = {"model": "lab/reader", "input": "Two and two.", "voice": "alloy", "stream_format": "sse"}
    spoken = await q.post("/v1/audio/speech", asked)
    all_judged("CreateSpeechResponseStreamEvent", spoken, ["speech.audio.delta", "speech.audio.done"])
    delta, segment = "transcript.text.delta", "transcript.text.segment"
    for form, kinds in (("json", [delta]), ("diarized_json", [delta, segment] * 2)):
        for model in ("listener", "whisper"):
            data = aiohttp.FormData({"model": f"lab/{model}", "stream": "true", "response_format": form})
            data.add_field("file", wav(1.0), filename="a.wav")
            heard = await q.request("POST", "/v1/audio/transcriptions", data=data)
            all_judged("CreateTranscriptionResponseStreamEvent", heard, [*kinds, "transcript.text.done"])


def all_judged(schema: str, answer: Answer, kinds: list[str]) -> None:
    """Fails with what is wrong with the events of a stream, or where they are others."""
    assert answer.status == 200, answer.body
    events = data_of(answer.body)
    assert [one["type"] for one in events] == kinds
    for one in events:
        wrong = openai().one_of(schema, one)
        assert not wrong, (wrong, one)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "lab/a"}),
        ("/v1/chat/completions", {"model": "none/none", "messages": [{"role": "user", "content": "?"}]}),
        ("/v1/chat/completions", {"model": "lab/a", "messages": [], "n": 3}),
        ("/v1/responses", {"model": "lab/a", "input": "?", "background": True, "store": False}),
        ("/v1/responses", {"model": "lab/a", "input": "?", "previous_response_id": "resp_none"}),
        ("/v1/embeddings", {"model": "lab/e", "input": []}),
        ("/v1/none", {}),
    ],
)
async def test_refusals(q: Rest, path: str, body: Any) -> None:
    refused = await q.post(path, body)
    assert refused.status >= 400
    judged(openai(), "ErrorResponse", refused.body)


async def test_nothing_but_json_and_unknown_things(q: Rest) -> None:
    for method, path in (
        ("GET", "/v1/responses/resp_none"), ("DELETE", "/v1/responses/resp_none"),
        ("POST", "/v1/responses/resp_none/cancel"), ("GET", "/v1/responses/resp_none/input_items"),
        ("GET", "/v1/models/none"), ("PUT", "/v1/models"), ("POST", "/v1/chat/completions"),
    ):  # fmt: skip
        answer = await q.request(method, path, data="{")
        assert answer.status >= 400
        judged(openai(), "ErrorResponse", answer.body)


def test_the_judges_do_judge() -> None:
    wrong = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0}]}
    assert len(openai().wrong("CreateChatCompletionResponse", wrong)) >= 3
    assert openai().one_of("ResponseStreamEvent", {"type": "response.output_text.delta", "delta": 1})
    assert openai().one_of("ResponseStreamEvent", {"type": "response.nothing"})
    assert len(open_responses().wrong("ResponseResource", {"id": "x"})) >= 20
    assert len(openai().types("ResponseStreamEvent")) >= 50
