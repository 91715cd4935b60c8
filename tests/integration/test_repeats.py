"""Model APIs: a request with an `idempotency-key` is made, and paid, once."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from tests.support.keys import BEARER, BOOTSTRAP, bearer, make_key
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
KEY = {"idempotency-key": "report-7"}
SAID = [{"role": "user", "content": "2 + 2?"}]
CHAT = "/v1/chat/completions"
ROUTES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "lab/a", "messages": SAID},
    "/v1/messages": {"model": "lab/a", "messages": SAID, "max_tokens": 100},
    "/v1/responses": {"model": "lab/a", "input": "2 + 2?"},
    "/v1/completions": {"model": "lab/a", "prompt": "2 + 2?"},
    "/v1/embeddings": {"model": "lab/a", "input": "2 + 2?"},
    "/api/chat": {"model": "lab/a", "messages": SAID, "stream": False},
    "/v1beta/models/lab/a:generateContent": {"contents": [{"parts": [{"text": "2 + 2?"}]}]},
}
STREAMS: dict[str, dict[str, Any]] = {
    CHAT: ROUTES[CHAT] | {"stream": True},
    "/v1/messages": ROUTES["/v1/messages"] | {"stream": True},
    "/v1/responses": ROUTES["/v1/responses"] | {"stream": True},
    "/api/chat": ROUTES["/api/chat"] | {"stream": True},
    "/v1beta/models/lab/a:streamGenerateContent?alt=sse": ROUTES["/v1beta/models/lab/a:generateContent"],
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[tuple[Upstream, Rest], None]:
    async with upstream() as up:
        up.model("a", "It is four.")
        given = config(up.url, panels={"default": ["lab/a"]}, retry={"attempts": 1})
        async with serving(tmp_path, given, QUORUM_BOOTSTRAP_KEY=BOOTSTRAP) as rest:
            rest.headers = dict(BEARER)
            yield up, rest


@pytest.mark.parametrize("path", ROUTES)
async def test_a_repeat_gets_the_same_answer(world: tuple[Upstream, Rest], path: str) -> None:
    up, q = world
    first = await q.post(path, ROUTES[path], headers=KEY)
    again = await q.post(path, ROUTES[path], headers=KEY)
    assert (first.status, again.status) == (200, 200), again.body
    assert again.raw == first.raw
    assert again.headers["x-quorum-call"] == first.headers["x-quorum-call"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    for headers in ({"idempotency-key": "report-8"}, {}):
        other = await q.post(path, ROUTES[path], headers=headers)
        assert other.headers["x-quorum-call"] != first.headers["x-quorum-call"]
    if path != "/v1/embeddings":  # which are no seat's
        assert up.count() == 3


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_comes_again(world: tuple[Upstream, Rest], path: str) -> None:
    up, q = world
    first = await q.post(path, STREAMS[path], headers=KEY)
    again = await q.post(path, STREAMS[path], headers=KEY)
    assert (first.status, again.status, up.count()) == (200, 200, 1)
    assert "four" in first.raw.decode()
    assert again.raw == first.raw
    assert again.headers["content-type"] == first.headers["content-type"]


async def test_equal_requests_at_once_are_one(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    up.model("a", Say("It is four.", latency=0.3))
    found = await asyncio.gather(*(q.post(CHAT, ROUTES[CHAT], headers=KEY) for _ in range(8)))
    assert {answer.raw for answer in found} == {found[0].raw}
    assert {answer.status for answer in found} == {200}
    assert up.count() == 1


async def test_another_request_under_the_key_is_refused(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    assert (await q.post(CHAT, ROUTES[CHAT], headers=KEY)).status == 200
    for path, body in ((CHAT, ROUTES[CHAT] | {"temperature": 0.1}), ("/v1/messages", ROUTES["/v1/messages"])):
        answer = await q.post(path, body, headers=KEY)
        assert answer.status == 409
        assert "different request" in answer.error["message"]
    assert up.count() == 1


async def test_each_key_has_names_of_its_own(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    keys = [(await make_key(q, scopes=["ask"], requests_per_minute=100))["key"] for _ in range(2)]
    for number, key in enumerate(keys, 1):
        for _ in range(2):
            answer = await q.post(CHAT, ROUTES[CHAT], headers=KEY | bearer(key))
            assert answer.status == 200
            assert answer.headers["x-ratelimit-remaining-requests"] == "99"  # a repeat takes none
        assert up.count() == number


@pytest.mark.parametrize("stream", [False, True])
async def test_what_failed_is_made_anew(world: tuple[Upstream, Rest], stream: bool) -> None:
    up, q = world
    body = ROUTES[CHAT] | {"stream": stream}
    up.model("a", Say("It is", fail="cut") if stream else Say(fail="error"))
    failed = await q.post(CHAT, body, headers=KEY)
    assert failed.status == (200 if stream else 502), failed.body
    up.model("a", "It is four.")
    answer = await q.post(CHAT, body, headers=KEY)
    assert "four" in answer.raw.decode()
    assert "idempotent-replayed" not in answer.headers
    assert up.count() == 2


async def test_who_hangs_up_may_ask_again(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    up.model("a", Say(fail="hang"))
    asking = asyncio.ensure_future(q.post(CHAT, ROUTES[CHAT], headers=KEY))
    await up.until(lambda: len(up.open) == 1)
    asking.cancel()
    await up.until(lambda: not up.open)
    up.model("a", "It is four.")
    answer = await q.post(CHAT, ROUTES[CHAT], headers=KEY)
    assert answer["choices"][0]["message"]["content"] == "It is four."


async def test_a_panel_is_asked_once(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    body = {"model": "quorum/quick", "messages": SAID}
    first, again = [await q.post(CHAT, body, headers=KEY) for _ in range(2)]
    assert (first.status, again.raw, up.count()) == (200, first.raw, 1)


async def test_a_question_takes_the_header_too(world: tuple[Upstream, Rest]) -> None:
    up, q = world
    asked = [await q.post("/api/query", {"query": "2 + 2?"}, headers=KEY) for _ in range(2)]
    assert len({answer["session_id"] for answer in asked}) == up.count() == 1
    other = await q.post("/api/query", {"query": "2 + 3?"}, headers=KEY)
    assert (other.status, other.error["code"]) == (409, "conflict")


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_what_is_no_key_is_refused(world: tuple[Upstream, Rest], key: str) -> None:
    up, q = world
    answer = await q.post(CHAT, ROUTES[CHAT], headers={"idempotency-key": key})
    assert answer.status in (400, 422)
    assert "idempotency-key" in answer.error["message"]
    assert up.count() == 0


async def test_another_server_of_the_database_knows_it(tmp_path: Path) -> None:
    async with upstream() as up:
        up.model("a", "It is four.")
        answers = []
        for _ in range(2):
            async with serving(tmp_path, config(up.url)) as q:
                answers.append(await q.post(CHAT, ROUTES[CHAT], headers=KEY))
        assert answers[0].raw == answers[1].raw
        assert up.count() == 1
