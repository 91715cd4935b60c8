"""OpenAI's own client against what is no chat: images, speech, transcriptions, moderations, embeddings' options."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from tests.support.keys import BEARER, BOOTSTRAP
from tests.support.media import PIXEL, SOUND, wav
from tests.support.rest import Rest
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]  # the client builds its types when first used
World = tuple[Upstream, Rest, AsyncOpenAI]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """An OpenAI-shaped upstream with a price by tokens (`lab`) and one without any (`bare`)."""
    home = tmp_path_factory.mktemp("tasks")
    async with AsyncExitStack() as stack:
        up = await stack.enter_async_context(upstream())
        elsewhere = await stack.enter_async_context(upstream("127.0.0.2"))  # on this machine all is free
        given = config(up.url)
        others = {"bare": {"wire": "openai", "base_url": elsewhere.url}}
        for wire in ("anthropic", "google", "mistral", "ollama"):
            others[wire[:4]] = {"wire": wire, "base_url": up.url.removesuffix("/v1")}
        given["providers"] |= others
        q = await stack.enter_async_context(serving(home, given, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP))
        q.headers = dict(BEARER)
        client = AsyncOpenAI(base_url=f"{q.url}/v1", api_key=BOOTSTRAP, max_retries=0)
        yield up, q, await stack.enter_async_context(client)


async def record(q: Rest) -> dict[str, Any]:
    return (await q.get("/api/calls?limit=1"))["calls"][0]


async def test_images_with_their_price_and_record(world: World) -> None:
    up, q, client = world
    made = await client.images.generate(
        model="lab/painter", prompt="a cat", n=2, quality="high", size="1024x1024"
    )
    assert [(one.b64_json, one.revised_prompt) for one in made.data or ()] == [(PIXEL, "a cat, in oil")] * 2
    assert (made.quality, made.usage.input_tokens, made.usage.output_tokens) == ("high", 10, 200)
    assert up.tasks[-1].json == {
        "model": "painter", "prompt": "a cat", "n": 2, "size": "1024x1024", "quality": "high",
    }  # fmt: skip
    said = made.model_extra["quorum"]
    call = await q.get(f"/api/calls/{said['call_id']}")
    assert (call["role"], call["surface"], call["output_tokens"]) == ("images", "openai", 200)
    assert said["cost"] == call["cost"] == pytest.approx((10 * 1.0 + 200 * 2.0) / 1e6)
    by_url = await client.images.generate(model="lab/painter", prompt="a cat", response_format="url")
    assert by_url.data[0].url == "https://pictures.example/1.png"


async def test_speech_is_the_sound_itself(world: World) -> None:
    up, q, client = world
    raw = await client.audio.speech.with_raw_response.create(
        model="lab/reader",
        voice="alloy",
        input="Two and two.",
        response_format="wav",
        speed=1.5,
        instructions="Sing.",
    )
    assert (raw.content, raw.headers["content-type"]) == (SOUND, "audio/wav")
    assert raw.headers["x-quorum-model"] == "lab/reader"
    assert up.tasks[-1].json == {
        "model": "reader", "input": "Two and two.", "voice": "alloy", "response_format": "wav", "speed": 1.5,
        "instructions": "Sing.",
    }  # fmt: skip
    assert (await record(q))["estimated"] is True
    async with client.audio.speech.with_streaming_response.create(
        model="lab/reader", voice="alloy", input="Two."
    ) as streamed:
        assert await streamed.read() == SOUND


@pytest.mark.parametrize("form", ["json", "text", "srt", "verbose_json"])
async def test_transcriptions_in_each_form(world: World, form: Any) -> None:
    up, q, client = world
    said = await client.audio.transcriptions.create(
        model="lab/ear",
        file=("said.wav", wav()),
        response_format=form,
        language="en",
        prompt="Sums.",
        temperature=0.2,
    )
    sent = up.tasks[-1].body
    for piece in (b'name="file"; filename="said.wav"\r\ncontent-type: audio/wav', b'name="language"\r\n\r\nen', wav(),
                  b'name="temperature"\r\n\r\n0.2', b'name="prompt"\r\n\r\nSums.', b'name="model"\r\n\r\near'):  # fmt: skip
        assert piece in sent
    if form == "srt":
        assert said == "1\n00:00:00,000 --> 00:00:01,000\nTwo and two.\n"
        return
    assert (said if form == "text" else said.text).strip() == "Two and two."
    call = await record(q)
    assert (call["role"], call["input_tokens"], call["output_tokens"]) == ("transcriptions", 20, 5)
    assert call["cost"] == pytest.approx((20 * 1.0 + 5 * 2.0) / 1e6)
    if form == "verbose_json":
        assert (said.language, said.duration, said.segments) == ("english", 1.0, [])


async def test_what_is_priced_by_the_second_has_no_price_by_tokens(world: World) -> None:
    _, q, client = world
    said = await client.audio.transcriptions.create(model="lab/whisper", file=("a.mp3", SOUND))
    extension = said.model_extra["quorum"]
    assert (extension["cost"], (await record(q))["cost"]) == (None, None)
    assert "no price" in extension["warnings"][0]
    assert said.usage.seconds == 60


@pytest.mark.parametrize("partial", [None, 0, 2])
async def test_an_image_as_a_stream(world: World, partial: int | None) -> None:
    up, q, client = world
    more: dict[str, Any] = {} if partial is None else {"partial_images": partial}
    raw = await client.images.with_raw_response.generate(
        model="lab/painter", prompt="a cat", quality="high", background="opaque", stream=True, **more
    )
    (event,) = [one async for one in raw.parse()]
    assert event.type == "image_generation.completed"
    assert (event.b64_json, event.size, event.quality, event.background, event.output_format) == (
        PIXEL, "1024x1024", "high", "opaque", "png",
    )  # fmt: skip
    assert (event.usage.input_tokens, event.usage.output_tokens, event.usage.total_tokens) == (10, 200, 210)
    assert event.model_extra["revised_prompt"] == "a cat, in oil"
    assert up.tasks[-1].json == {
        "model": "painter", "prompt": "a cat", "n": 1, "quality": "high", "background": "opaque",
    }  # fmt: skip
    call = await record(q)
    assert raw.headers["content-type"] == "text/event-stream"
    assert (raw.headers["x-quorum-model"], raw.headers["x-quorum-call"]) == ("lab/painter", call["id"])
    assert float(raw.headers["x-quorum-cost"]) == call["cost"] == event.model_extra["quorum"]["cost"]


async def test_an_image_at_an_address_is_no_stream(world: World) -> None:
    up, _, client = world
    with pytest.raises(openai.BadRequestError, match="lab/hosted answers with the address") as refused:
        await client.images.generate(model="lab/hosted", prompt="a cat", stream=True)
    assert refused.value.body["code"] == "unsupported"
    assert up.tasks[-1].json["model"] == "hosted"


async def test_speech_as_events(world: World) -> None:
    up, q, client = world
    text = "Two and two. " * 300
    async with client.audio.speech.with_streaming_response.create(
        model="lab/reader", voice="alloy", input=text, stream_format="sse", response_format="wav"
    ) as raw:
        lines = [json.loads(line[6:]) async for line in raw.iter_lines() if line]
    assert raw.headers["content-type"] == "text/event-stream"
    assert (raw.headers["x-quorum-model"], raw.headers["x-quorum-call"]) == (
        "lab/reader",
        (await record(q))["id"],
    )
    *pieces, done = lines
    assert {one["type"] for one in pieces} == {"speech.audio.delta"}
    assert len(pieces) == 2
    assert b"".join(base64.b64decode(one["audio"]) for one in pieces) == SOUND * (len(text) // 20)
    assert (done["type"], set(done["usage"])) == (
        "speech.audio.done", {"input_tokens", "output_tokens", "total_tokens"},
    )  # fmt: skip
    assert "stream_format" not in up.tasks[-1].json


async def test_a_transcription_as_a_stream(world: World) -> None:
    up, q, client = world
    raw = await client.audio.transcriptions.with_raw_response.create(
        model="lab/ear", file=("said.wav", wav()), stream=True, include=["logprobs"]
    )
    *pieces, done = [one async for one in raw.parse()]
    assert {one.type for one in pieces} == {"transcript.text.delta"}
    assert "".join(one.delta for one in pieces) == "Two and two."
    assert (done.type, done.text) == ("transcript.text.done", "Two and two.")
    assert (
        [one.token for one in done.logprobs] == [one.token for one in pieces[0].logprobs] == ["Two and two."]
    )
    assert (done.usage.type, done.usage.input_tokens, done.usage.output_tokens) == ("tokens", 20, 5)
    assert done.usage.input_token_details.audio_tokens == 20
    assert b'name="stream"' not in up.tasks[-1].body
    call = await record(q)
    assert (raw.headers["x-quorum-model"], raw.headers["x-quorum-call"]) == ("lab/ear", call["id"])
    assert float(raw.headers["x-quorum-cost"]) == call["cost"]
    by_the_second = await client.audio.transcriptions.create(
        model="lab/whisper", file=("a.mp3", SOUND), stream=True
    )
    assert [one.usage async for one in by_the_second if one.type == "transcript.text.done"] == [None]


async def test_speakers_come_as_segments(world: World) -> None:
    _, _, client = world
    stream = await client.audio.transcriptions.create(
        model="lab/ear", file=("said.wav", wav()), stream=True, response_format="diarized_json"
    )
    events = [one async for one in stream]
    assert [one.type for one in events] == [
        "transcript.text.delta", "transcript.text.segment", "transcript.text.delta", "transcript.text.segment",
        "transcript.text.done",
    ]  # fmt: skip
    assert [(one.delta, one.segment_id) for one in events[:4:2]] == [("Two and", "seg_A"), (" two.", "seg_B")]
    assert [(one.text, one.speaker) for one in events[1:4:2]] == [("Two and", "A"), (" two.", "B")]


@pytest.mark.parametrize("task", ["images", "speech", "transcriptions"])
async def test_a_stream_that_fails_before_its_first_event_has_a_status(world: World, task: str) -> None:
    _, _, client = world
    with pytest.raises(openai.BadRequestError) as refused:
        if task == "images":
            await client.images.generate(model="olla/m", prompt="a cat", stream=True)
        elif task == "speech":
            await client.audio.speech.create(model="olla/m", voice="alloy", input="Two.", stream_format="sse")
        else:
            await client.audio.transcriptions.create(model="olla/m", file=("a.wav", wav(0.1)), stream=True)
    assert refused.value.body["code"] == "unsupported"


async def test_moderations_of_one_and_of_several(world: World) -> None:
    _, _, client = world
    several = await client.moderations.create(model="lab/judge", input=["be kind", "kill"])
    assert [row.flagged for row in several.results] == [False, True]
    one = await client.moderations.create(
        model="lab/judge",
        input=[
            {"type": "text", "text": "kill"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        ],
    )
    assert [row.flagged for row in one.results] == [True]
    with pytest.raises(openai.NotFoundError, match="openai is not configured"):
        await client.moderations.create(input="be kind")  # the catalogue's model, at OpenAI


async def test_embeddings_take_dimensions_a_user_and_tokens(world: World) -> None:
    up, _, client = world
    await client.embeddings.create(model="lab/e", input=[[1, 2, 3], [4]], dimensions=8, user="u1")
    assert up.tasks[-1].json == {
        "model": "e", "input": [[1, 2, 3], [4]], "encoding_format": "float", "dimensions": 8, "user": "u1",
    }  # fmt: skip
    for more, says in (({"user": "u1"}, "user"), ({"input": [1, 2]}, "tokens")):
        with pytest.raises(openai.BadRequestError, match=says):
            await client.embeddings.create(**({"model": "olla/e", "input": "one"} | more))


TASKS: dict[str, dict[str, Any]] = {
    "images.generate": {"prompt": "a cat"},
    "audio.speech.create": {"input": "Two.", "voice": "alloy"},
    "audio.transcriptions.create": {"file": ("a.wav", wav(0.1))},
    "moderations.create": {"input": "be kind"},
}


@pytest.mark.parametrize("wire", ["anth", "mist", "olla"])
@pytest.mark.parametrize("task", TASKS)
async def test_other_wires_refuse_by_name(world: World, task: str, wire: str) -> None:
    up, _, client = world
    before = len(up.tasks)
    call: Any = client
    for name in task.split("."):
        call = getattr(call, name)
    with pytest.raises(openai.BadRequestError, match=task.split(".")[-2]) as refused:
        await call(model=f"{wire}/m", **TASKS[task])
    assert refused.value.body["code"] == "unsupported"
    assert len(up.tasks) == before


@pytest.mark.parametrize("task", [name for name in TASKS if "moderations" not in name])
async def test_a_bound_on_cost_needs_a_price(world: World, task: str) -> None:
    up, _, client = world
    before = len(up.tasks)
    call: Any = client
    for name in task.split("."):
        call = getattr(call, name)
    for model, most, says in (("bare/m", "1", "no price"), ("lab/m", "0.000001", "max_cost")):
        with pytest.raises(openai.APIStatusError, match=says) as refused:
            await call(model=model, extra_headers={"x-quorum-max-cost": most}, **TASKS[task])
        assert refused.value.status_code == 402
    assert len(up.tasks) == before
    await call(model="lab/m", extra_headers={"x-quorum-max-cost": "1"}, **TASKS[task])
    assert len(up.tasks) == before + 1


@pytest.mark.parametrize(
    ("task", "more", "says"),
    [
        ("images.generate", {"stream": True, "n": 2}, "n is 2"),
        ("images.generate", {"stream": True, "response_format": "url"}, "response_format url"),
        ("images.generate", {"stream": True, "partial_images": 4}, "partial_images is 4"),
        ("images.generate", {"partial_images": 1}, "partial_images=1"),
        ("images.generate", {"n": 11}, "n is 11"),
        ("images.generate", {"extra_body": {"seed": 1}}, "seed"),
        ("audio.speech.create", {"input": "x" * 4097}, "4097"),
        ("audio.transcriptions.create", {"stream": True, "response_format": "text"}, "response_format text"),
        ("audio.transcriptions.create", {"stream": True, "response_format": "srt"}, "response_format srt"),
        ("audio.transcriptions.create", {"extra_body": {"stream": "yes"}}, "stream: 'yes'"),
        ("audio.transcriptions.create", {"file": ("a.wav", b"")}, "file"),
        ("audio.transcriptions.create", {"extra_body": {"tone": "kind"}}, "tone"),
        ("moderations.create", {"input": []}, "input"),
        ("moderations.create", {"model": "quorum/quick"}, "moderations"),
    ],
)
async def test_refusals_name_what_is_wrong(world: World, task: str, more: dict[str, Any], says: str) -> None:
    up, _, client = world
    before = len(up.tasks)
    call: Any = client
    for name in task.split("."):
        call = getattr(call, name)
    with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError), match=says):
        await call(**({"model": "lab/m"} | TASKS[task] | more))
    assert len(up.tasks) == before


async def test_a_form_that_is_none_is_refused(world: World) -> None:
    _, q, _ = world
    for body in (
        b"",
        b"{}",
        b"--x\r\n",
        b"--x\r\ncontent-disposition: form-data\r\n\r\nv\r\n--x--",
        b"--x\r\nno head--x--",
    ):
        answer = await q.request("POST", "/v1/audio/transcriptions", data=body)
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("wire", ["anth", "olla"])
async def test_sound_and_detail_are_refused_where_they_have_no_equivalent(world: World, wire: str) -> None:
    _, _, client = world
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "high"}}
    sound = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    for part, says in ((sound, "audio"), (image, "detail")):
        messages: Any = [{"role": "user", "content": [part]}]
        with pytest.raises(openai.BadRequestError, match=says):
            await client.chat.completions.create(model=f"{wire}/m", messages=messages)
