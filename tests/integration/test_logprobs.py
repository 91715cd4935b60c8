"""How likely the tokens of an answer were: asked for as OpenAI's clients do, of every wire that tells."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, AsyncOpenAI
from openai.types.chat import ChatCompletionTokenLogprob
from tests.integration.providers.byteserver import LAST, Request, Step, byte_server, chunk, head, whole
from tests.support.rest import Rest
from tests.support.server import serving

from quorum_mcp.answers import Logprob
from quorum_mcp.codec import decode, encode
from quorum_mcp.messages import ModelRequest, message
from quorum_mcp.providers.catalog import catalog
from quorum_mcp.providers.wires import load_wire

pytestmark = pytest.mark.anyio
PIECES = (("It", -0.1, "The", -2.5), (" is €.", -0.2, " was", -3.0))
"""Token by token: its logarithm, and another that was likely there."""
ASKED: dict[str, Any] = {
    "model": "lab/m",
    "messages": [{"role": "user", "content": "2 + 2?"}],
    "temperature": 0,
}


def google(pieces: tuple[tuple[str, float, str, float], ...], *, stop: bool) -> dict[str, Any]:
    likely = {
        "chosenCandidates": [{"token": t, "tokenId": 7, "logProbability": p} for t, p, _, _ in pieces],
        "topCandidates": [
            {"candidates": [{"token": t, "logProbability": p}, {"token": o, "logProbability": q}]}
            for t, p, o, q in pieces
        ],
    }
    text = "".join(piece[0] for piece in pieces)
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "logprobsResult": likely}
    return {"candidates": [candidate | ({"finishReason": "STOP"} if stop else {})], "modelVersion": "m"}


def ollama(pieces: tuple[tuple[str, float, str, float], ...], *, stop: bool) -> dict[str, Any]:
    def told(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode())}

    likely = [told(t, p) | {"top_logprobs": [told(t, p), told(o, q)]} for t, p, o, q in pieces]
    message = {"role": "assistant", "content": "".join(piece[0] for piece in pieces)}
    return {"model": "m", "message": message, "logprobs": likely, "done": stop}


SHAPES = {"google": google, "ollama": ollama}


def answered(wire: str, request: Request) -> Iterator[Step]:
    shape = SHAPES[wire]
    if not (b'"stream":true' in request.body or "streamGenerateContent" in request.path):
        yield from whole(shape(PIECES, stop=True))
        return
    framed = "data: %s\n\n" if wire == "google" else "%s\n"
    yield head("text/event-stream" if wire == "google" else "application/x-ndjson")
    for place, piece in enumerate(PIECES, 1):
        yield chunk((framed % json.dumps(shape((piece,), stop=place == len(PIECES)))).encode())
    yield LAST


@asynccontextmanager
async def world(
    tmp_path: Path, wire: str, **more: Any
) -> AsyncGenerator[tuple[list[Request], AsyncOpenAI], None]:
    async with byte_server() as server:
        server.answer = lambda request: answered(wire, request)
        given = {"providers": {"lab": {"wire": wire, "base_url": server.url}}, **more}
        async with (
            serving(tmp_path, given) as rest,
            AsyncOpenAI(base_url=rest.url + "/v1", api_key="none", max_retries=0) as client,
        ):
            yield server.requests, client


def check(told: list[Any]) -> None:
    assert [(one.token, one.logprob) for one in told] == [piece[:2] for piece in PIECES]
    assert [bytes(one.bytes).decode() for one in told] == [piece[0] for piece in PIECES]
    for one, (token, logprob, other, less) in zip(told, PIECES, strict=True):
        assert [(top.token, top.logprob) for top in one.top_logprobs] == [(token, logprob), (other, less)]


@pytest.mark.parametrize("wire", SHAPES)
async def test_they_come_whole_and_streamed(tmp_path: Path, wire: str) -> None:
    async with world(tmp_path, wire) as (requests, client):
        answer = await client.chat.completions.create(**ASKED, logprobs=True, top_logprobs=2)
        assert answer.choices[0].message.content == "It is €."
        assert answer.choices[0].logprobs is not None
        check(answer.choices[0].logprobs.content or [])
        told = []
        async for event in await client.chat.completions.create(
            **ASKED, logprobs=True, top_logprobs=2, stream=True
        ):
            for choice in event.choices:
                assert bool(choice.delta.content) == (choice.logprobs is not None)
                told += (choice.logprobs.content or []) if choice.logprobs is not None else []
        check(told)
        plain = await client.chat.completions.create(**ASKED)
        assert plain.choices[0].logprobs is not None  # this provider always tells
        await client.chat.completions.create(**ASKED, logprobs=True, top_logprobs=2)
        bodies = [json.loads(request.body) for request in requests if request.body]
        at = [body.get("generationConfig", body) for body in bodies]
        name = "responseLogprobs" if wire == "google" else "logprobs"
        assert [one.get(name) for one in at] == [True, True, None, True]  # and none of them is in the cache
        assert at[0]["logprobs" if wire == "google" else "top_logprobs"] == 2


async def test_clients_of_ollama_and_gemini_ask_in_their_own_words(tmp_path: Path) -> None:
    async with world(tmp_path, "ollama") as (_, client):
        q = Rest(str(client.base_url).removesuffix("/v1/"))
        chat = {"model": "lab/m", "messages": ASKED["messages"], "logprobs": True, "top_logprobs": 2}
        whole_ = await q.post("/api/chat", chat | {"stream": False})
        lines = [json.loads(line) for line in (await q.post("/api/chat", chat)).raw.splitlines()]
        alone = {"model": "lab/m", "prompt": "2 + 2?", "stream": False, "logprobs": True, "top_logprobs": 2}
        generated = await q.post("/api/generate", alone)
        for told in (
            whole_["logprobs"],
            [one for line in lines for one in line.get("logprobs", ())],
            generated["logprobs"],
        ):
            check([ChatCompletionTokenLogprob.model_validate(one) for one in told])
        config = {"responseLogprobs": True, "logprobs": 2}
        asked = {"contents": [{"parts": [{"text": "2 + 2?"}]}], "generationConfig": config}
        answer = await q.post("/v1beta/models/lab/m:generateContent", asked)
        candidate = answer["candidates"][0]
        expected = google(PIECES, stop=True)["candidates"][0]["logprobsResult"]
        for one in expected["chosenCandidates"]:
            del one["tokenId"]
        assert candidate["logprobsResult"] == expected
        assert candidate["avgLogprobs"] == pytest.approx(-0.15)
        for wrong in ({"logprobs": 2}, {"responseLogprobs": True, "logprobs": "x"}, {"responseLogprobs": 3}):
            refused = await q.post(
                "/v1beta/models/lab/m:generateContent", asked | {"generationConfig": wrong}
            )
            assert refused.status in (400, 422), refused.body
        await q.close()


@pytest.mark.parametrize("wire", ["anthropic", "mistral"])
async def test_a_wire_that_tells_none_is_refused_by_name(tmp_path: Path, wire: str) -> None:
    async with world(tmp_path, wire) as (requests, client):
        with pytest.raises(APIStatusError, match="logprobs"):
            await client.chat.completions.create(**ASKED, logprobs=True)
        for model in ("builtin/arithmetic", "quorum/quick"):
            with pytest.raises(APIStatusError, match="logprobs"):
                await client.chat.completions.create(**ASKED | {"model": model}, logprobs=True)
        assert not [request for request in requests if request.method == "POST"]


async def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path, "ollama") as (requests, client):
        for wrong in ({"top_logprobs": 2}, {"logprobs": True, "top_logprobs": 21}):
            with pytest.raises(APIStatusError, match="top_logprobs"):
                await client.chat.completions.create(**ASKED, **wrong)
        assert not [request for request in requests if request.method == "POST"]


async def test_guardrails_are_not_got_around(tmp_path: Path) -> None:
    async with world(
        tmp_path, "ollama", guardrails=[{"url": "http://127.0.0.1:9/", "allow_private": True}]
    ) as (
        requests,
        client,
    ):
        with pytest.raises(APIStatusError, match="logprobs"):
            await client.chat.completions.create(**ASKED, logprobs=True)
        assert not [request for request in requests if request.method == "POST"]


def test_the_openai_wire_in_our_own_words() -> None:
    request = ModelRequest("m", (message("user", "2 + 2?"),), logprobs=2)
    wire = load_wire("openai", catalog().dialect("openai"))
    body = decode(wire.chat(request, stream=False).body)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 2)
    reader = wire.reader(request)
    told = [
        {"token": t, "logprob": p, "bytes": None, "top_logprobs": [{"token": o, "logprob": q}]}
        for t, p, o, q in PIECES
    ]
    choice = {"message": {"content": "It is €."}, "finish_reason": "stop", "logprobs": {"content": told}}
    reader.whole(encode({"choices": [choice]}))
    assert reader.finish().logprobs == tuple(Logprob(t, p, top=(Logprob(o, q),)) for t, p, o, q in PIECES)
