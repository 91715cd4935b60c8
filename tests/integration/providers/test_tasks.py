"""What vendors answer to tasks, over a socket: images, speech, transcriptions, moderations, counts of tokens."""

import base64
from typing import Any

import pytest
from tests.conformance.wire_requests import TASKS
from tests.integration.providers.byteserver import ByteServer, whole
from tests.integration.providers.test_wires import TIMES, endpoint
from tests.support.media import PIXEL, wav

from quorum_mcp import errors
from quorum_mcp.answers import Media, Usage
from quorum_mcp.messages import Audio, Image, Message, ModelRequest, Text
from quorum_mcp.providers.transport import Transport
from quorum_mcp.tasks import Transcribe

pytestmark = pytest.mark.anyio
PCM = bytes(range(64))
SPOKEN = {
    "inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(PCM).decode()}
}
USED = {
    "promptTokenCount": 8, "candidatesTokenCount": 48,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 8}],
    "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 48}],
}  # fmt: skip


def google(*parts: dict[str, Any]) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", "index": 0}
    return {
        "candidates": [candidate],
        "usageMetadata": USED,
        "modelVersion": "some-model",
        "responseId": "r1",
    }


async def test_google_draws(server: ByteServer, transport: Transport) -> None:
    drawn = {"inlineData": {"mimeType": "image/png", "data": PIXEL}}
    server.answer = lambda _: whole(google({"text": "Here it is."}, drawn))
    answer = await endpoint(server, transport, "google").perform(TASKS["square image"], TIMES)
    assert answer.parts == (Text("Here it is."), Image("image/png", PIXEL))
    assert (answer.usage.input, answer.usage.output, answer.id) == (8, 48, "r1")
    server.answer = lambda _: whole(google({"text": "I would rather not."}))
    with pytest.raises(errors.BadProviderAnswer, match="nothing of image"):
        await endpoint(server, transport, "google").perform(TASKS["image"], TIMES)
    server.answer = lambda _: whole({"promptFeedback": {"blockReason": "SAFETY"}})
    with pytest.raises(errors.ContentFiltered, match="SAFETY"):
        await endpoint(server, transport, "google").perform(TASKS["image"], TIMES)


async def test_google_speaks(server: ByteServer, transport: Transport) -> None:
    server.answer = lambda _: whole(google(SPOKEN))
    answer = await endpoint(server, transport, "google").perform(TASKS["speech as wav"], TIMES)
    (sound,) = answer.parts
    assert isinstance(sound, Audio)
    data = base64.b64decode(sound.data)
    assert (sound.media_type, data[:4], data[8:16], data[44:]) == ("audio/wav", b"RIFF", b"WAVEfmt ", PCM)
    assert int.from_bytes(data[24:28], "little") == 24_000
    assert answer.usage == Usage(input=8, output=48, media=Media(audio_output=48))


@pytest.mark.parametrize(
    ("wire", "body"), [("anthropic", {"input_tokens": 42}), ("google", {"totalTokens": 42})]
)
async def test_counts_are_the_providers_and_cost_nothing(
    wire: str, body: object, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole(body)
    answer = await endpoint(server, transport, wire).perform(TASKS["token count"], TIMES)
    assert (answer.native, answer.usage) == ({"tokens": 42}, Usage(cost=0))


BROKEN: dict[str, list[object]] = {
    "image": [{"data": []}, {"data": [{}]}, {}, b"no json"],
    "speech": [b"", {"error": "none"}],
    "moderations": [{"results": []}, {}, b""],
    "embeddings": [{"data": []}, {}],
}


@pytest.mark.parametrize(
    ("task", "body"), [(task, body) for task, bodies in BROKEN.items() for body in bodies]
)
async def test_what_is_no_answer_is_an_error(
    task: str, body: object, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole(body)
    with pytest.raises(errors.BadProviderAnswer):
        await endpoint(server, transport, "openai").perform(TASKS[task], TIMES)


@pytest.mark.parametrize(
    ("usage", "media"),
    [
        ({"type": "duration", "seconds": 90}, Media(seconds=90)),
        ({"type": "tokens", "input_tokens": 20, "output_tokens": 5, "input_token_details": {"audio_tokens": 18}},
         Media(audio_input=18)),
    ],
)  # fmt: skip
async def test_what_a_transcription_used(
    usage: object, media: Media, server: ByteServer, transport: Transport
) -> None:
    server.answer = lambda _: whole({"text": "Two.", "usage": usage})
    sound = Message("user", (Audio("audio/wav", base64.b64encode(wav(0.1)).decode()),))
    request = ModelRequest("some-model", (sound,), task=Transcribe("a.wav"))
    answer = await endpoint(server, transport, "openai").perform(request, TIMES)
    assert (answer.text, answer.usage.media) == ("Two.", media)
    assert b'filename="a.wav"' in server.requests[0].body
