"""OpenAI's own client against what is no chat: images, speech, transcriptions, moderations, embeddings' options."""

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
        ("images.generate", {"stream": True}, "stream"),
        ("images.generate", {"n": 11}, "n is 11"),
        ("images.generate", {"extra_body": {"seed": 1}}, "seed"),
        ("audio.speech.create", {"stream_format": "sse"}, "stream"),
        ("audio.speech.create", {"input": "x" * 4097}, "4097"),
        ("audio.transcriptions.create", {"stream": True}, "stream"),
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
