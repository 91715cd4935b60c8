"""Seats that search the web themselves: who is refused, what it may cost, and where the citations go."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import types
from tests.support.rest import Rest
from tests.support.script import Say
from tests.support.server import PRICE, QUICK_RETRY, serving
from tests.support.upstream import Upstream, upstream

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(20)]
FIRST, SECOND, THIRD = "https://a.example/1", "https://b.example/2?x=<y>", "https://c.example/3"
FOUR = "It is four.\nCONCLUSION: 4"
FIVE = "It is five.\nCONCLUSION: 5"
SEARCH: dict[str, Any] = {"tools": ["web_search"], "exhaustive": True}
PANEL = ["lab/a", "lab/b", "lab/c"]


@asynccontextmanager
async def searching(home: Path, **price: float) -> AsyncIterator[tuple[Upstream, Rest]]:
    """A server whose provider `lab` searches as OpenRouter does, and `plain`, which does not search."""
    async with AsyncExitStack() as opened:
        up = await opened.enter_async_context(upstream())
        up.model("a", Say(FOUR, pages=(FIRST, SECOND)))
        up.model("b", Say(FOUR, pages=(SECOND, "javascript:alert(1)")))
        up.model("c", Say(FIVE, pages=(THIRD,)))
        own = {"wire": "openai", "base_url": up.url, "price": PRICE | price}
        given = {
            "providers": {"lab": own | {"web_search": "openrouter"}, "plain": own},
            "panels": {"default": PANEL},
            "retry": QUICK_RETRY,
        }
        yield up, await opened.enter_async_context(serving(home, given))


async def test_citations_are_kept_everywhere(tmp_path: Path) -> None:
    async with searching(tmp_path) as (up, q):
        answer = await q.ask("What is 2 + 2?", PANEL, **SEARCH)
        assert all(asked.body["tools"] == [{"type": "openrouter:web_search"}] for asked in up.of(kind="seat"))
        assert [(one["url"], one["members"]) for one in answer["citations"]] == [
            (FIRST, ["lab/a"]),
            (SECOND, ["lab/a", "lab/b"]),
        ]
        cited = {
            one["member"]: [page["url"] for page in one["citations"]] for one in answer["provider_responses"]
        }
        assert cited["lab/a"] == [FIRST, SECOND]
        assert cited["lab/b"] == [SECOND], "what is no address of a page is left out"
        assert cited["lab/c"] == [THIRD]
        page = answer["provider_responses"][0]["citations"][0]
        assert (page["title"], page["start"], page["end"]) == ("About 1", 0, len(FOUR))
        session = (await q.get(f"/api/session/{answer['session_id']}")).body
        assert session["turns"][0]["answer"]["citations"] == answer["citations"]
        assert {one["member"]: len(one["citations"]) for one in session["round_details"][0]["responses"]} == {
            "lab/a": 2, "lab/b": 1, "lab/c": 1,
        }  # fmt: skip
        export = f"/api/session/{answer['session_id']}/export?format="
        markdown, html = (await q.get(export + "md")).body, (await q.get(export + "html")).body
        assert f"- [About 1](<{FIRST}>) (lab/a)" in markdown
        assert "- [About 2](<https://b.example/2?x=y>) (lab/a, lab/b)" in markdown
        assert f'<a href="{FIRST}" rel="noreferrer">About 1</a>' in html
        assert 'href="https://b.example/2?x=&lt;y&gt;"' in html
        assert "javascript:" not in markdown + html
        assert (await q.get(export + "json"))["citations"] == answer["citations"]


async def test_seats_without_one_are_refused_by_name(tmp_path: Path) -> None:
    async with searching(tmp_path) as (up, q):
        refused = await q.query("Who won?", ["lab/a", "plain/b", "builtin/extract"], **SEARCH)
        assert (refused.status, refused.error["code"]) == (400, "unsupported")
        assert refused.error["details"]["members"] == ["plain/b", "builtin/extract"]
        assert not up.asked


async def test_a_bound_on_cost_refuses_what_nobody_can_bound(tmp_path: Path) -> None:
    async with searching(tmp_path, searches_per_thousand=10.0) as (up, q):
        refused = await q.query("Who won?", ["lab/a"], max_cost=5.0, **SEARCH)
        assert (refused.status, refused.error["code"]) == (402, "budget_exceeded")
        assert "web search of lab/a cannot be bounded in number" in refused.error["message"]
        assert not up.asked
    async with searching(tmp_path / "unpriced") as (up, q):
        refused = await q.query("Who won?", ["lab/a"], max_cost=5.0, **SEARCH)
        assert "web search of lab/a has no known price" in refused.error["message"]
        assert not up.asked


@pytest.mark.parametrize("stream", [False, True])
async def test_openais_client_asks_for_it_and_reads_it(tmp_path: Path, stream: bool) -> None:
    async with searching(tmp_path) as (up, q):
        async with openai.AsyncOpenAI(base_url=f"{q.url}/v1", api_key="none", max_retries=0) as client:
            talk: Any = [{"role": "user", "content": "What is 2 + 2?"}]
            if stream:
                chunks = await client.chat.completions.create(
                    model="lab/a", messages=talk, stream=True, web_search_options={}
                )
                deltas = [one.choices[0].delta async for one in chunks if one.choices]
                notes = [note for one in deltas for note in (one.model_extra or {}).get("annotations", ())]
            else:
                made = await client.chat.completions.create(
                    model="lab/a", messages=talk, web_search_options={}
                )
                notes = [note.to_dict() for note in made.choices[0].message.annotations or ()]
            assert [(n["url_citation"]["url"], n["url_citation"]["end_index"]) for n in notes] == [
                (FIRST, len(FOUR)), (SECOND, len(FOUR)),
            ]  # fmt: skip
        assert [one.body["tools"] for one in up.asked] == [[{"type": "openrouter:web_search"}]]


async def test_responses_and_panels_as_models(tmp_path: Path) -> None:
    async with AsyncExitStack() as opened:
        _, q = await opened.enter_async_context(searching(tmp_path))
        async with openai.AsyncOpenAI(base_url=f"{q.url}/v1", api_key="none", max_retries=0) as client:
            response = await client.responses.create(
                model="lab/a", input="What is 2 + 2?", tools=[{"type": "web_search"}]
            )
            content: Any = response.output[0]
            assert [one.url for one in content.content[0].annotations] == [FIRST, SECOND]
            async with client.responses.stream(
                model="lab/a", input="What is 2 + 2?", tools=[{"type": "web_search"}]
            ) as events:
                last: Any = (await events.get_final_response()).output[0]
            assert [one.url for one in last.content[0].annotations] == [FIRST, SECOND]
            panel = await client.chat.completions.create(
                model="quorum/quick",
                messages=[{"role": "user", "content": "What is 2 + 2?"}],
                web_search_options={},
            )
            urls = [one.url_citation.url for one in panel.choices[0].message.annotations or ()]
            assert urls == [FIRST, SECOND]


@pytest.mark.parametrize("stream", [False, True])
async def test_anthropics_client_asks_for_it_and_reads_it(tmp_path: Path, stream: bool) -> None:
    async with searching(tmp_path) as (up, q):
        async with anthropic.AsyncAnthropic(base_url=q.url, api_key="none", max_retries=0) as client:
            asked: Any = {
                "model": "lab/a", "max_tokens": 500, "messages": [{"role": "user", "content": "What is 2 + 2?"}],
                "tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
            }  # fmt: skip
            if stream:
                async with client.messages.stream(**asked) as events:
                    message = await events.get_final_message()
            else:
                message = await client.messages.create(**asked)
            (block,) = message.content
            assert block.type == "text"
            assert [one.url for one in block.citations or () if one.type == "web_search_result_location"] == [
                FIRST, SECOND,
            ]  # fmt: skip
        assert [one.body["tools"] for one in up.asked] == [[{"type": "openrouter:web_search"}]]


@pytest.mark.parametrize("stream", [False, True])
async def test_geminis_client_asks_for_it_and_reads_it(tmp_path: Path, stream: bool) -> None:
    async with searching(tmp_path) as (up, q):
        http = httpx.AsyncClient(trust_env=False)  # instead of aiohttp, whose use of it warns
        options = types.HttpOptions(base_url=q.url, httpx_async_client=http)
        models = genai.Client(api_key="none", http_options=options).aio.models
        config = types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])
        if stream:
            pieces = await models.generate_content_stream(
                model="lab/a", contents="What is 2 + 2?", config=config
            )
            *_, last = [piece async for piece in pieces]
        else:
            last = await models.generate_content(model="lab/a", contents="What is 2 + 2?", config=config)
        assert last.candidates
        found = last.candidates[0].grounding_metadata
        assert found is not None
        assert [one.web.uri for one in found.grounding_chunks or () if one.web] == [FIRST, SECOND]
        assert [one.segment.text for one in found.grounding_supports or () if one.segment] == [FOUR, FOUR]
        await http.aclose()
        assert [one.body["tools"] for one in up.asked] == [[{"type": "openrouter:web_search"}]]


async def test_what_narrows_a_search_is_refused_by_name(tmp_path: Path) -> None:
    async with searching(tmp_path) as (up, q):
        talk = {"model": "lab/a", "messages": [{"role": "user", "content": "Who won?"}]}
        for path, more, name in (
            ("/v1/chat/completions", {"web_search_options": {"search_context_size": "high"}}, "search_context_size"),
            ("/v1/messages", {"max_tokens": 9, "tools": [
                {"type": "web_search_20250305", "name": "web_search", "allowed_domains": ["a.example"]}]},
             "allowed_domains"),
        ):  # fmt: skip
            answer = await q.post(path, talk | more)
            assert answer.status == 422
            assert name in answer.error["message"]
        plain = await q.post("/v1/chat/completions", talk | {"model": "plain/a", "web_search_options": {}})
        assert plain.status == 400
        assert "takes no web search" in plain.error["message"]
        assert not up.asked
