"""Guardrails: what they block is not sent or not passed on, what they rewrite is what the other side sees."""

import asyncio
import hashlib
import hmac
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.support.guardrail import Guard, blocking, guardrail, rewriting
from tests.support.keys import eventually
from tests.support.mcp import MODERN, over_http
from tests.support.media import wav
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import PRICE, config, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
LONG = "The word is plum. " * 30 + "The pear is last. " + "Nothing more is said. " * 20
"""Long enough for several windows; `pear` is in the middle of it."""


@asynccontextmanager
async def guarded(
    home: Path, *, more: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[tuple[Guard, Upstream, Rest]]:
    async with AsyncExitStack() as stack:
        guard = await stack.enter_async_context(guardrail())
        up = await stack.enter_async_context(upstream())
        up.model("a", "It is a pear.\nCONCLUSION: pear")
        given = config(up.url, guardrails=[guard.settings(**settings)], **(more or {}))
        yield guard, up, await stack.enter_async_context(serving(home, given, GUARD_KEY="guard-secret"))


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "lab/a", "messages": [{"role": "user", "content": text}], **more}


async def last_call(rest: Rest) -> dict[str, Any]:
    async def listed() -> bool:
        return bool((await rest.get("/api/calls"))["calls"])

    await eventually(listed)
    newest = (await rest.get("/api/calls"))["calls"][0]
    return (await rest.get(f"/api/calls/{newest['id']}")).body


def lines(call: dict[str, Any]) -> list[str]:
    return [said for line in call["trace"] if (said := line.partition(" ms: guardrail ")[2])]


CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "a secret"}]}]}
DIALECTS = {
    "openai": ("/v1/chat/completions", chat("a secret"), ("error", "code")),
    "responses": ("/v1/responses", {"model": "lab/a", "input": "a secret"}, ("error", "code")),
    "embeddings": ("/v1/embeddings", {"model": "lab/a", "input": "a secret"}, ("error", "code")),
    "images": ("/v1/images/generations", {"model": "lab/a", "prompt": "a secret"}, ("error", "code")),
    "speech": ("/v1/audio/speech", {"model": "lab/a", "input": "a secret", "voice": "x"}, ("error", "code")),
    "moderations": ("/v1/moderations", {"model": "lab/a", "input": ["a secret"]}, ("error", "code")),
    "anthropic": ("/v1/messages", chat("a secret", max_tokens=9), ("error", "type")),
    "gemini": ("/v1beta/models/lab/a:generateContent", CONTENTS, ("error", "status")),
    "ollama": ("/api/chat", chat("a secret", stream=False), ("error",)),
    "rest": ("/api/models/generate", chat("a secret"), ("error", "code")),
    "panel": ("/api/query", {"query": "a secret", "panel": ["lab/a"]}, ("error", "code")),
    "panel as a model": ("/v1/chat/completions", chat("a secret") | {"model": "quorum/panel:one"}, ("error", "code")),
}  # fmt: skip
WORDS = {"anthropic": "permission_error", "gemini": "PERMISSION_DENIED"}
"""What the dialects that have words of their own call it."""


async def test_a_blocked_request_is_an_error_in_every_dialect_and_is_not_sent(tmp_path: Path) -> None:
    async with guarded(tmp_path, more={"panels": {"one": ["lab/a"]}}) as (guard, up, rest):
        guard.judge = blocking("secret", "before")
        for name, (path, body, place) in DIALECTS.items():
            answer = await rest.post(path, body)
            assert answer.status == 403, (name, answer.body)
            said: Any = answer.body
            for key in place:
                said = said[key]
            if name == "ollama":
                assert "secret is not for this" in said
            else:
                assert said == WORDS.get(name, "guardrail_blocked"), (name, said)
        async with over_http(rest.url, MODERN) as mcp:
            found = await mcp.call_tool("generate", chat("a secret"))
        assert found.is_error
        assert "guardrail_blocked" in found.content[0].text
        assert up.asked == []
        call = await last_call(rest)
    assert (call["status"], call["error"]["code"], call["cost"], call["attempts"]) == (
        "error",
        "guardrail_blocked",
        0,
        0,
    )
    assert lines(call) == ["the guard, before: block: secret is not for this"]
    assert {one["stage"] for one in guard.asked} == {"before"}


async def test_what_is_rewritten_before_is_what_leaves_and_what_the_cache_knows(tmp_path: Path) -> None:
    async with guarded(tmp_path, stages=["before"]) as (guard, up, rest):
        guard.judge = rewriting("secret", "word")
        one = await rest.post("/v1/chat/completions", chat("a secret", temperature=0))
        other = await rest.post("/v1/chat/completions", chat("a word", temperature=0))
        guard.judge = rewriting("secret", "name")
        third = await rest.post("/v1/chat/completions", chat("a secret", temperature=0))
        call = await last_call(rest)
    assert [answer.headers["x-quorum-cache"] for answer in (one, other, third)] == ["miss", "hit", "miss"]
    assert [asked.messages[-1]["content"] for asked in up.asked] == ["a word", "a name"]
    assert lines(call) == ["the guard, before: rewrite"]


async def test_everything_that_is_text_is_shown_and_may_be_rewritten(tmp_path: Path) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "f",
            "description": "about pears",
            "parameters": {"type": "object", "description": "pears"},
        },
    }
    messages = [
        {"role": "system", "content": "pear 1"},
        {"role": "user", "content": [{"type": "text", "text": "pear 2"},
                                     {"type": "image_url", "image_url": {"url": "https://a.example/pear.png"}}]},
        {"role": "assistant", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"x":"pear 3"}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "pear 4"},
    ]  # fmt: skip
    async with guarded(tmp_path) as (guard, up, rest):
        guard.judge = rewriting("pear", "plum")
        body = {"model": "lab/a", "messages": messages, "tools": [tool], "user": "pear 5"}
        answer = await rest.post("/v1/chat/completions", body)
        assert answer.status == 200, answer.body
    sent = json.dumps(up.asked[0].body)
    assert "plum 1" in sent
    assert sent.count("pear") == 1  # the image's address: images are counted, not shown
    kinds = [one["kind"] for one in guard.asked[0]["texts"]]
    assert kinds[:4] == ["text", "text", "tool_arguments", "tool_result"]
    assert {"tool_description", "tool_schema", "fields"} <= set(kinds)
    assert guard.asked[0]["images"] == 1
    assert guard.asked[0]["call"]["model"] == "lab/a"


async def test_an_answer_that_is_blocked_costs_what_it_cost(tmp_path: Path) -> None:
    async with guarded(tmp_path, more={"fallbacks": {"lab/a": ["lab/b"]}}) as (guard, up, rest):
        up.model("b", "It is a plum.")
        plain = await rest.post("/v1/chat/completions", chat("which one"))
        guard.judge = blocking("pear", "after")
        answer = await rest.post("/v1/chat/completions", chat("which one"))
        call = await last_call(rest)
        again = await rest.post("/v1/chat/completions", chat("which one"))
    assert plain.status == 200
    assert (answer.status, again.status, answer.error["code"]) == (403, 403, "guardrail_blocked")
    assert "pear." not in json.dumps(answer.body)
    assert (call["status"], call["error"]["code"]) == ("error", "guardrail_blocked")
    assert f"{call['cost']:.9f}" == plain.headers["x-quorum-cost"]
    assert [asked.model for asked in up.asked] == ["a", "a", "a"]  # no other model is asked instead
    assert lines(call) == ["the guard, before: allow", "the guard, after: block: pear is not for this"]


async def streamed(rest: Rest, **more: Any) -> tuple[str, str]:
    """The text of a streamed answer, and everything that was sent."""
    body = json.dumps(chat("tell me", stream=True, **more))
    async with rest.session.post(rest.url + "/v1/chat/completions", data=body) as answer:
        raw = (await answer.content.read()).decode()
    events = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: {")]
    deltas = [event["choices"][0]["delta"] for event in events if event.get("choices")]
    return "".join(delta.get("content") or "" for delta in deltas), raw


@pytest.mark.parametrize("piece", [1, 7, 100, 5000])
async def test_a_stream_shows_nothing_that_is_rewritten_wherever_it_is_cut(
    tmp_path: Path, piece: int
) -> None:
    async with guarded(tmp_path, window=60, overlap=10) as (guard, up, rest):
        up.model("a", Say(LONG, piece=piece))
        guard.judge = rewriting("pear", "plum")
        text, raw = await streamed(rest)
        whole = await rest.post("/v1/chat/completions", chat("tell me"))
    assert text == LONG.replace("pear", "plum") == whole["choices"][0]["message"]["content"]
    assert "pear" not in raw
    after = [one for one in guard.asked if one["stage"] == "after"][:-1]
    assert after[-1]["window"]["last"]
    assert [one["window"]["number"] for one in after] == list(range(len(after)))
    assert max(len(one["texts"][0]["text"]) for one in after) <= 60 + 10 + max(piece, 60)


async def test_a_stream_is_cut_where_it_is_blocked_and_the_provider_stops(tmp_path: Path) -> None:
    async with guarded(tmp_path, window=60, overlap=10) as (guard, up, rest):
        up.model("a", Say(LONG, piece=10, drip=0.02))
        guard.judge = blocking("pear", "after")
        text, raw = await streamed(rest)
        assert LONG.startswith(text)
        assert text
        assert "pear " not in text
        assert "guardrail_blocked" in raw
        await up.until(lambda: not up.open, 1.0)
        assert up.asked[0].outcome == "dropped"
        call = await last_call(rest)
    assert (call["status"], call["error"]["code"]) == ("error", "guardrail_blocked")
    assert call["cost"] > 0


async def test_readers_of_a_slow_model_need_not_wait_for_a_whole_window(tmp_path: Path) -> None:
    async with guarded(tmp_path, window=100_000, overlap=50) as (_, up, rest):
        up.model("a", Say(LONG, piece=40, drip=0.1))
        body = json.dumps(chat("tell me", stream=True))
        async with rest.session.post(rest.url + "/v1/chat/completions", data=body) as answer:
            while b"plum" not in await answer.content.readline():
                pass
            assert up.open
        await up.until(lambda: not up.open, 1.0)


async def test_a_kept_answer_is_judged_again(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (guard, up, rest):
        first = await rest.post("/v1/chat/completions", chat("which", temperature=0))
        guard.judge = blocking("pear", "after")
        second = await rest.post("/v1/chat/completions", chat("which", temperature=0))
        call = await last_call(rest)
    assert (first.status, second.status, len(up.asked)) == (200, 403, 1)
    assert (call["status"], call["cost"]) == ("error", 0)


FAILURES: dict[str, tuple[Any, str]] = {
    "an error": (web.Response(status=500), "HTTP 500"),
    "a redirect": (web.Response(status=302, headers={"location": "http://127.0.0.1:1/"}), "HTTP 302"),
    "no JSON": (web.Response(text="yes"), "cannot be read"),
    "another word": ({"action": "maybe"}, "cannot be read"),
    "too few texts": ({"action": "rewrite", "texts": []}, "it rewrote 0 texts of 1"),
    "endless": (web.Response(body=b" " * 3_000_000), "far longer"),
}


@pytest.mark.parametrize("way", ["block", "allow"])
async def test_a_guardrail_that_gives_no_verdict(tmp_path: Path, way: str) -> None:
    async with guarded(tmp_path, on_failure=way, timeout_seconds=1.0) as (guard, up, rest):
        for name, (verdict, why) in FAILURES.items():
            guard.judge = lambda _, verdict=verdict: verdict if isinstance(verdict, dict) else _again(verdict)
            answer = await rest.post("/v1/chat/completions", chat(name))
            assert answer.status == (503 if way == "block" else 200), (name, answer.body)
            if way == "block":
                assert answer.error["code"] == "guardrail_unavailable"
                assert why in answer.error["message"], name
        guard.judge = blocking("nothing", "before")
        guard.wait = lambda: asyncio.sleep(30)
        answer = await rest.post("/v1/chat/completions", chat("slow"))
        assert answer.status == (503 if way == "block" else 200)
        call = await last_call(rest)
    assert f"the guard, before: no verdict within 1 s; {way}ed" in lines(call)
    assert len(up.asked) == (0 if way == "block" else len(FAILURES) + 1)


def _again(response: web.Response) -> web.Response:
    """A response can be sent once only."""
    location = response.headers.get("location")
    return web.Response(
        status=response.status, body=response.body, headers={"location": location} if location else None
    )


EXAMPLE = Path(__file__).parents[2] / "examples/guardrails/secrets_and_addresses.py"
KEY = "sk-" + "a1" * 20


async def test_the_example_keeps_secrets_and_addresses_in(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLE), "--port", "0",
            stdout=asyncio.subprocess.PIPE, env={"GUARDRAIL_SECRET": "shared"},
        )  # fmt: skip
        stack.push_async_callback(process.wait)
        stack.callback(process.terminate)
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        up = await stack.enter_async_context(upstream())
        up.model("a", Say("Write to ann@example.com. " * 40 + KEY, piece=3))
        hook = {
            "url": url,
            "allow_private": True,
            "secret_env": "GUARDRAIL_SECRET",
            "window": 120,
            "overlap": 90,
        }
        given = config(up.url, guardrails=[hook])
        rest = await stack.enter_async_context(serving(tmp_path, given, GUARDRAIL_SECRET="shared"))
        blocked = await rest.post("/v1/chat/completions", chat(f"my key is {KEY}"))
        assert blocked.error["message"].count("there is an API key in it") == 1
        assert up.asked == []
        text, raw = await streamed(rest)
        await rest.post("/v1/chat/completions", chat("mail bob@example.org"))
        async with rest.session.post(url, json={"stage": "before", "texts": []}) as unsigned:
            pass
    assert text == "Write to [e-mail address]. " * 40 + "[secret]"
    assert "ann@" not in raw
    assert up.asked[-1].prompt == "mail [e-mail address]"
    assert unsigned.status == 401


async def test_questions_are_signed(tmp_path: Path) -> None:
    async with guarded(tmp_path, secret_env="GUARD_KEY") as (guard, _, rest):
        assert (await rest.post("/v1/chat/completions", chat("hello"))).status == 200
    for body, headers in zip(guard.bodies, guard.headers, strict=True):
        parts = dict(part.split("=", 1) for part in headers["x-quorum-signature"].split(","))
        digest = hmac.new(b"guard-secret", f"{parts['t']}.{body}".encode(), hashlib.sha256).hexdigest()
        assert digest == parts["v1"]
    assert [one["x-quorum-event"] for one in guard.headers] == ["guardrail.before", "guardrail.after"]


async def test_nothing_is_asked_without_the_signature_or_at_a_forbidden_address(tmp_path: Path) -> None:
    async with guarded(tmp_path / "a", secret_env="NO_SUCH_KEY") as (guard, _, rest):
        answer = await rest.post("/v1/chat/completions", chat("hello"))
        assert (answer.status, guard.asked) == (503, [])
        assert "NO_SUCH_KEY is not set" in answer.error["message"]
        url = guard.url.replace("127.0.0.1", "localhost")
        given = config("http://127.0.0.1:9/v1", guardrails=[{"url": url}])
        async with serving(tmp_path / "b", given) as other:
            answer = await other.post("/v1/chat/completions", chat("hello"))
        assert (answer.status, guard.asked) == (503, [])
        assert "is not a public address" in answer.error["message"]


async def test_a_transcription_is_judged_with_all_that_repeats_it(tmp_path: Path) -> None:
    for chain in ({}, {"fallbacks": {"lab/a": ["lab/b"]}}):
        async with guarded(tmp_path / str(len(chain)), more=chain) as (guard, _, rest):
            guard.judge = rewriting("Two", "Three")
            form = aiohttp.FormData({"model": "lab/a", "response_format": "verbose_json"})
            form.add_field("file", wav(0.1), filename="a.wav")
            answer = await rest.request("POST", "/v1/audio/transcriptions", data=form)
            assert answer.body["text"] == "Three and two."
            assert "segments" not in answer.body  # they hold the words as they were


async def test_what_pages_say_is_shown_too(tmp_path: Path) -> None:
    async with guardrail() as guard, upstream() as up:
        up.model("a", Say("It is a pear.\nCONCLUSION: pear", pages=("https://a.example/1",), piece=5))
        given = config(up.url, guardrails=[guard.settings()])
        given["providers"]["lab"] |= {
            "web_search": "openrouter",
            "price": PRICE | {"searches_per_thousand": 10.0},
        }
        async with serving(tmp_path, given) as rest:
            guard.judge = rewriting("About", "Over")
            panel = await rest.ask("Which fruit?", ["lab/a"], tools=["web_search"])
            whole = await rest.post("/v1/chat/completions", chat("Which fruit?", web_search_options={}))
            guard.judge = rewriting("pear", "plum")
            other = await rest.ask("Which fruit is it?", ["lab/a"], tools=["web_search"])
    (page,) = panel["provider_responses"][0]["citations"]
    assert (page["title"], page["end"]) == ("Over 1", len("It is a pear.\nCONCLUSION: pear"))
    assert "Over 1" in json.dumps(whole["choices"][0]["message"]["annotations"])
    (page,) = other["provider_responses"][0]["citations"]
    assert (page["title"], page.get("start"), page.get("end")) == ("About 1", None, None)
